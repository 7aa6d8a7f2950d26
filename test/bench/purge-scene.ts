import type { World } from "../integration/world.ts";
import { type ExpiredRows, storeExpiredRows } from "./postgres/expired-rows.ts";
import type { Postgres } from "./postgres/server.ts";
import { type PurgeBeside, startPurgeBeside } from "./purge-beside.ts";
import { STORED_PER_EXPIRED, storeOf } from "./purge-tokens.ts";

/** Rounds of each comparison. */
export const PURGE_ROUNDS = 8;
export const PURGE_WARM_UP = 1;

/** Share of the expired that goes slice by slice; of the rest the reads are counted. */
const SLICED = 0.8;
const SLICES = PURGE_WARM_UP + 2 * PURGE_ROUNDS;

/** The same tokens three times, and who deletes them. */
export interface PurgeScene {
  readonly expired: number;
  readonly among: number;
  /**
   * What the purge and the bare deletes remove a round: a purge goes on where the one before it stopped.
   * PostgreSQL's DELETE removes all of the expired each time.
   */
  readonly slice: number;
  readonly purged: World;
  readonly ours: PurgeBeside;
  readonly deleted: World;
  readonly bare: PurgeBeside;
  readonly theirs: ExpiredRows;
  close(): Promise<void>;
}

/** Stores ten times as many tokens as are expired, for each side. */
export async function purgeScene(
  endpoint: string,
  postgres: Postgres,
  expired: number,
): Promise<PurgeScene> {
  const purged = await storeOf(endpoint, expired);
  const deleted = await storeOf(endpoint, expired);
  const theirs = await storeExpiredRows(postgres, expired, purged.time.nowMs);
  const [ours, bare] = [await startPurgeBeside(purged), await startPurgeBeside(deleted)];
  return {
    expired,
    among: STORED_PER_EXPIRED * expired,
    slice: Math.max(1, Math.floor((SLICED * expired) / SLICES)),
    purged,
    ours,
    deleted,
    bare,
    theirs,
    async close() {
      await Promise.all([ours.close(), bare.close(), theirs.close()]);
    },
  };
}
