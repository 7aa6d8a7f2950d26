import { DeleteCommand } from "@aws-sdk/lib-dynamodb";
import { type CleanupStore, expiredTokens } from "../../shared/cleanup/cleanup-targets.ts";
import { deleteExpired } from "../../shared/cleanup/delete-expired.ts";
import { createDocumentClient, type DocumentClient } from "../../shared/core/document-client.ts";
import { watchStore } from "../integration/store-traffic.ts";
import { computeDigest } from "./cleanup-tokens.ts";

/** The tokens to delete. Sent to the process once. */
export interface CleanupProcessStore {
  readonly endpoint: string;
  readonly nowMs: number;
  readonly store: Omit<CleanupStore, "db">;
}

/** A unit of work. */
export type CleanupJob =
  /** Runs the cleanup and stops it after about `items` deletes, as a deadline would. */
  | { readonly kind: "cleanup"; readonly items: number }
  /** Deletes `items` tokens by key, starting with token number `first`. */
  | { readonly kind: "bare"; readonly first: number; readonly items: number };

/** The job's result, and the requests that it sent to the store. */
export interface CleanupDone {
  readonly removed: number;
  readonly readUnits: number;
  readonly writeUnits: number;
  readonly roundTrips: number;
}

/** Deletes tokens by known keys, with the same concurrency as the cleanup. */
async function deleteKnown(
  db: DocumentClient,
  { tokensTable, config }: CleanupProcessStore["store"],
  { first, items }: { readonly first: number; readonly items: number },
): Promise<number> {
  let next = first;
  const worker = async () => {
    while (next < first + items) {
      const Key = { token_digest: computeDigest(next) };
      next += 1;
      await db.send(new DeleteCommand({ TableName: tokensTable, Key }));
    }
  };
  await Promise.all(Array.from({ length: config.cleanup.concurrency }, worker));
  return items;
}

/**
 * Runs the cleanup. It checks its clock before each delete, so a clock that counts calls limits the number of deletes.
 */
async function cleanup(
  db: DocumentClient,
  { store, nowMs }: CleanupProcessStore,
  items: number,
): Promise<number> {
  let deletes = 0;
  const clock = () => {
    deletes += 1;
    return deletes;
  };
  const { removed } = await deleteExpired(db, expiredTokens({ ...store, db: db }, nowMs), {
    clock,
    deadlineMs: items + 1,
    concurrency: store.config.cleanup.concurrency,
  });
  return removed;
}

/** Deletes in a separate process, like the cleanup's function, so that callers keep their CPU. */
process.once("message", (world: CleanupProcessStore) => {
  const db = createDocumentClient("background", { endpoint: world.endpoint });
  const traffic = watchStore(db);
  process.on("message", async (job: CleanupJob) => {
    traffic.reset();
    const removed =
      job.kind === "cleanup"
        ? await cleanup(db, world, job.items)
        : await deleteKnown(db, world.store, job);
    const { readUnits, writeUnits, roundTrips } = traffic;
    process.send?.({ removed, readUnits, writeUnits, roundTrips } satisfies CleanupDone);
  });
  process.send?.("ready");
});
