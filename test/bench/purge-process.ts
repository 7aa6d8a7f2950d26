import { DeleteCommand } from "@aws-sdk/lib-dynamodb";
import { createDocumentClient, type DocumentClient } from "../../shared/dynamodb/client.ts";
import { purgeExpired } from "../../shared/retention/purge-expired.ts";
import { expiredTokens, type PurgeStore } from "../../shared/retention/purge-targets.ts";
import { watchStore } from "../integration/store-traffic.ts";
import { digestOf } from "./purge-tokens.ts";

/** Whose tokens go, as the process is told once. */
export interface PurgeProcessStore {
  readonly endpoint: string;
  readonly nowMs: number;
  readonly store: Omit<PurgeStore, "client">;
}

/** One piece of work. */
export type PurgeJob =
  /** The purge, which is stopped after about so many deletes, as its deadline would stop it. */
  | { readonly kind: "purge"; readonly items: number }
  /** Bare deletes of the tokens numbered from `first` on. */
  | { readonly kind: "bare"; readonly first: number; readonly items: number };

/** What a piece of work did, and what the store asked for it. */
export interface PurgeDone {
  readonly removed: number;
  readonly readUnits: number;
  readonly writeUnits: number;
  readonly roundTrips: number;
}

/** As many deletes by known keys at once as the purge makes. */
async function deleteKnown(
  client: DocumentClient,
  { tokensTable, config }: PurgeProcessStore["store"],
  { first, items }: { readonly first: number; readonly items: number },
): Promise<number> {
  let next = first;
  const worker = async () => {
    while (next < first + items) {
      const Key = { token_digest: digestOf(next) };
      next += 1;
      await client.send(new DeleteCommand({ TableName: tokensTable, Key }));
    }
  };
  await Promise.all(Array.from({ length: config.purge.concurrency }, worker));
  return items;
}

/** The purge asks its clock before each delete, so a clock that counts stops it after so many. */
async function purge(
  client: DocumentClient,
  { store, nowMs }: PurgeProcessStore,
  items: number,
): Promise<number> {
  let asked = 0;
  const clock = () => {
    asked += 1;
    return asked;
  };
  const { removed } = await purgeExpired(client, expiredTokens({ ...store, client }, nowMs), {
    clock,
    deadlineMs: items + 1,
    concurrency: store.config.purge.concurrency,
  });
  return removed;
}

/** Deletes in a process of its own, as the purge's function does: callers keep their processor. */
process.once("message", (told: PurgeProcessStore) => {
  const client = createDocumentClient("background", { endpoint: told.endpoint });
  const traffic = watchStore(client);
  process.on("message", async (job: PurgeJob) => {
    traffic.reset();
    const removed =
      job.kind === "purge"
        ? await purge(client, told, job.items)
        : await deleteKnown(client, told.store, job);
    const { readUnits, writeUnits, roundTrips } = traffic;
    process.send?.({ removed, readUnits, writeUnits, roundTrips } satisfies PurgeDone);
  });
  process.send?.("ready");
});
