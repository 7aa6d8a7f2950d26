import { DeleteCommand } from "@aws-sdk/lib-dynamodb";
import { type CleanupStore, expiredTokens } from "../../shared/cleanup/cleanup-targets.ts";
import { deleteExpired } from "../../shared/cleanup/delete-expired.ts";
import { createDocumentClient, type DocumentClient } from "../../shared/core/document-client.ts";
import { watchStore } from "../integration/store-traffic.ts";
import { digestOf } from "./cleanup-tokens.ts";

/** Whose tokens go, as the process is told once. */
export interface CleanupProcessStore {
  readonly endpoint: string;
  readonly nowMs: number;
  readonly store: Omit<CleanupStore, "db">;
}

/** One piece of work. */
export type CleanupJob =
  /** The cleanup, which is stopped after about so many deletes, as its deadline would stop it. */
  | { readonly kind: "cleanup"; readonly items: number }
  /** Bare deletes of the tokens numbered from `first` on. */
  | { readonly kind: "bare"; readonly first: number; readonly items: number };

/** What a piece of work did, and what the store asked for it. */
export interface CleanupDone {
  readonly removed: number;
  readonly readUnits: number;
  readonly writeUnits: number;
  readonly roundTrips: number;
}

/** As many deletes by known keys at once as the cleanup makes. */
async function deleteKnown(
  db: DocumentClient,
  { tokensTable, config }: CleanupProcessStore["store"],
  { first, items }: { readonly first: number; readonly items: number },
): Promise<number> {
  let next = first;
  const worker = async () => {
    while (next < first + items) {
      const Key = { token_digest: digestOf(next) };
      next += 1;
      await db.send(new DeleteCommand({ TableName: tokensTable, Key }));
    }
  };
  await Promise.all(Array.from({ length: config.cleanup.concurrency }, worker));
  return items;
}

/** The cleanup asks its clock before each delete, so a clock that counts stops it after so many. */
async function cleanup(
  db: DocumentClient,
  { store, nowMs }: CleanupProcessStore,
  items: number,
): Promise<number> {
  let asked = 0;
  const clock = () => {
    asked += 1;
    return asked;
  };
  const { removed } = await deleteExpired(db, expiredTokens({ ...store, db: db }, nowMs), {
    clock,
    deadlineMs: items + 1,
    concurrency: store.config.cleanup.concurrency,
  });
  return removed;
}

/** Deletes in a process of its own, as the cleanup's function does: callers keep their processor. */
process.once("message", (told: CleanupProcessStore) => {
  const db = createDocumentClient("background", { endpoint: told.endpoint });
  const traffic = watchStore(db);
  process.on("message", async (job: CleanupJob) => {
    traffic.reset();
    const removed =
      job.kind === "cleanup"
        ? await cleanup(db, told, job.items)
        : await deleteKnown(db, told.store, job);
    const { readUnits, writeUnits, roundTrips } = traffic;
    process.send?.({ removed, readUnits, writeUnits, roundTrips } satisfies CleanupDone);
  });
  process.send?.("ready");
});
