import { SECOND_MS, toInstant } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { CleanupContext } from "./cleanup-expired.ts";
import {
  type CleanupRun,
  type CleanupRunStore,
  type Removed,
  saveCleanupRun,
} from "./cleanup-runs.ts";
import { CLEANUP_KINDS, type CleanupKind, type CleanupStore } from "./cleanup-targets.ts";
import { countExpired, deleteExpired } from "./delete-expired.ts";

/** How often a run updates its record. After a kill, the record is at most this old. */
const RECORD_EVERY_MS = 2 * SECOND_MS;

const KINDS = Object.keys(CLEANUP_KINDS) as CleanupKind[];

/** The limits of a run, and its progress. */
export interface CleanupRunOptions {
  /** No delete begins at or after this instant, epoch milliseconds. */
  readonly deadlineMs: number;
  /** How long the cleanup leaves an expired event to DynamoDB TTL, which is free. Default 0. */
  readonly eventsOverdueMs?: number;
  /** Called from time to time with what has been removed so far. */
  readonly onProgress?: (removed: Removed) => void;
}

/** The instant by which an item must have expired to be removed. */
const asOf = (kind: CleanupKind, nowMs: number, eventsOverdueMs: number) =>
  kind === "events" ? nowMs - eventsOverdueMs : nowMs;

/**
 * Cleans up every kind and keeps a record of the run: when it ran, how long, what it removed, and whether it
 * finished. The kinds run at the same time, so that many items of one kind do not delay another.
 *
 * @throws the error of a kind that failed, after the other kinds are done and the record is written
 */
export async function runCleanup(
  context: CleanupContext & CleanupRunStore & { readonly logger: Logger },
  { deadlineMs, eventsOverdueMs = 0, onProgress }: CleanupRunOptions,
): Promise<CleanupRun> {
  const startedMs = context.clock();
  const removed: Removed = { access_tokens: 0, authorization_codes: 0, sessions: 0, events: 0 };
  const record = (status: CleanupRun["status"], error?: string): CleanupRun => ({
    started_at: toInstant(startedMs),
    ...(status === "running" ? {} : { finished_at: toInstant(context.clock()) }),
    duration_ms: context.clock() - startedMs,
    removed: { ...removed },
    status,
    finished: status === "finished",
    ...(error === undefined ? {} : { error }),
  });

  await saveCleanupRun(context, record("running"));
  let recordedMs = startedMs;
  const cleanUpKind = async (kind: CleanupKind): Promise<boolean> => {
    const target = await CLEANUP_KINDS[kind](context, asOf(kind, startedMs, eventsOverdueMs));
    const { finished } = await deleteExpired(context.db, target, {
      clock: context.clock,
      deadlineMs,
      concurrency: context.config.cleanup.concurrency,
      onProgress: async (count) => {
        removed[kind] += count;
        onProgress?.(removed);
        if (context.clock() - recordedMs < RECORD_EVERY_MS) return;
        recordedMs = context.clock();
        await saveCleanupRun(context, record("running"));
      },
    });
    return finished;
  };

  const outcomes = await Promise.allSettled(KINDS.map(cleanUpKind));
  const failure = outcomes.find((outcome) => outcome.status === "rejected");
  const finished = outcomes.every((outcome) => outcome.status === "fulfilled" && outcome.value);
  const run = failure
    ? record("failed", String(failure.reason))
    : record(finished ? "finished" : "stopped");
  await saveCleanupRun(context, run);
  context.logger.info("Cleanup run", { ...run });
  if (failure) throw failure.reason;
  return run;
}

/** Counts what a run would remove now, and removes nothing. */
export async function countCleanup(
  context: CleanupStore & Pick<CleanupContext, "clock">,
  { eventsOverdueMs = 0 }: Pick<CleanupRunOptions, "eventsOverdueMs"> = {},
): Promise<Removed> {
  const nowMs = context.clock();
  const counts = await Promise.all(
    KINDS.map(async (kind) => {
      const target = await CLEANUP_KINDS[kind](context, asOf(kind, nowMs, eventsOverdueMs));
      return [kind, await countExpired(context.db, target)] as const;
    }),
  );
  return Object.fromEntries(counts) as Record<CleanupKind, number>;
}
