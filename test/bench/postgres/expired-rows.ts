import { STORED_PER_EXPIRED, tokenRows } from "../cleanup-tokens.ts";
import {
  createIdentityServer,
  deadTokens,
  deleteExpired,
  insertTokens,
  presentToken,
  rowsLockedByDelete,
  tokenPages,
} from "./identity-server.ts";
import type { Postgres } from "./server.ts";

/** The effects of the DELETE, while it runs and afterwards. */
export interface DeleteTraces {
  /** Rows that other transactions cannot write until it ends. */
  readonly lockedRows: number;
  /** Dead rows, which take up space until they are vacuumed. */
  readonly deadRows: number;
  /** Number of 8 KB pages in the table and its indexes. */
  readonly pagesBefore: number;
  readonly pagesVacuumed: number;
}

/** An identity server's tokens. One in ten has expired. */
export interface ExpiredRows {
  /** Deletes all expired tokens. */
  cleanup(): Promise<void>;
  /** Vacuums the table and restores the expired tokens. */
  refill(): Promise<void>;
  /** Makes a call with a valid token, on a separate connection. */
  call(): Promise<void>;
  traces(): Promise<DeleteTraces>;
  close(): Promise<void>;
}

/** Stores the tokens in a new identity server. */
export async function storeExpiredRows(
  postgres: Postgres,
  expired: number,
  nowMs: number,
): Promise<ExpiredRows> {
  const [database, caller] = [await postgres.connect(), await postgres.connect()];
  await createIdentityServer(database);
  for (const which of ["expired", "live"] as const) {
    await insertTokens(database, tokenRows(which, expired, nowMs));
  }
  const cleanup = async () => {
    const removed = await deleteExpired(database, nowMs);
    if (removed !== expired) throw new Error(`${removed} rows were removed in place of ${expired}`);
  };
  const refill = async () => {
    await database.query("VACUUM oauth_access_tokens");
    await insertTokens(database, tokenRows("expired", expired, nowMs));
  };
  return {
    cleanup,
    refill,
    call: () => presentToken(caller, STORED_PER_EXPIRED * expired - 1),
    async traces() {
      const pagesBefore = await tokenPages(database);
      const lockedRows = await rowsLockedByDelete(database, caller, nowMs);
      await cleanup();
      const deadRows = await deadTokens(database);
      await database.query("VACUUM oauth_access_tokens");
      const pagesVacuumed = await tokenPages(database);
      await refill();
      return { lockedRows, deadRows, pagesBefore, pagesVacuumed };
    },
    async close() {
      await Promise.all([database.end(), caller.end()]);
    },
  };
}
