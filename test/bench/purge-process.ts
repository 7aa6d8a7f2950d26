import { createDocumentClient } from "../../shared/dynamodb/client.ts";
import { purgeExpired } from "../../shared/retention/purge-expired.ts";
import { expiredTokens, type PurgeStore } from "../../shared/retention/purge-targets.ts";

/** A purge of tokens, as the process that waits for it is told to make it. */
export interface PurgeJob {
  readonly endpoint: string;
  readonly nowMs: number;
  readonly store: Omit<PurgeStore, "client">;
}

/** Purges in a process of its own, as its function does: it must not share a processor with callers. */
process.once("message", async ({ endpoint, nowMs, store }: PurgeJob) => {
  const client = createDocumentClient("background", { endpoint });
  const target = expiredTokens({ ...store, client }, nowMs);
  const { removed } = await purgeExpired(client, target, {
    clock: () => nowMs,
    deadlineMs: Number.POSITIVE_INFINITY,
    concurrency: store.config.purge.concurrency,
  });
  process.send?.(removed);
  process.disconnect();
});
process.send?.("ready");
