import { type Clock, SECOND_MS, toInstant } from "../core/clock.ts";
import type { Logger } from "../core/telemetry.ts";
import {
  type CleanupRun,
  type CleanupRunStore,
  type Removed,
  saveCleanupRun,
} from "./cleanup-runs.ts";
import {
  CLEANUP_KINDS,
  type CleanupKind,
  type CleanupStore,
  expiredAuthorizationCodes,
  expiredEvents,
  expiredSessions,
  expiredTokens,
} from "./cleanup-targets.ts";
import { countExpired, type DeletionLimits, deleteExpired } from "./delete-expired.ts";

/** The tables, configuration and clock that a cleanup uses. */
export interface CleanupContext extends CleanupStore {
  readonly clock: Clock;
}

/** Result of `cleanupExpiredTokens`. */
export interface TokenCleanup {
  readonly access_tokens_removed: number;
  readonly authorization_codes_removed: number;
  readonly finished: boolean;
}

/** Result of cleaning up one kind of item. */
export interface Cleanup {
  readonly removed: number;
  readonly finished: boolean;
}

/** Limits of a cleanup. Without a deadline, it runs until no expired items are left. */
export type CleanupLimits = Partial<Omit<DeletionLimits, "clock">>;

function getLimits(context: CleanupContext, limits: CleanupLimits): DeletionLimits {
  return {
    deadlineMs: Number.POSITIVE_INFINITY,
    concurrency: context.config.cleanup.concurrency,
    ...limits,
    clock: context.clock,
  };
}

/** Deletes access tokens and authorization codes that are past their `expires_at`. */
export async function cleanupExpiredTokens(
  context: CleanupContext,
  limits: CleanupLimits = {},
): Promise<TokenCleanup> {
  const nowMs = context.clock();
  const bounds = getLimits(context, limits);
  const tokens = await deleteExpired(context.db, expiredTokens(context, nowMs), bounds);
  const codes = await deleteExpired(context.db, expiredAuthorizationCodes(context, nowMs), bounds);
  return {
    access_tokens_removed: tokens.removed,
    authorization_codes_removed: codes.removed,
    finished: tokens.finished && codes.finished,
  };
}

/** Deletes sessions that are past their `expires_at`. */
export async function cleanupExpiredSessions(
  context: CleanupContext,
  limits: CleanupLimits = {},
): Promise<Cleanup> {
  const target = expiredSessions(context, context.clock());
  return deleteExpired(context.db, target, getLimits(context, limits));
}

/** Deletes events that are past their retention period and that DynamoDB TTL hasn't deleted yet. */
export async function cleanupEvents(
  context: CleanupContext,
  limits: CleanupLimits = {},
): Promise<Cleanup> {
  const target = await expiredEvents(context, context.clock());
  return deleteExpired(context.db, target, getLimits(context, limits));
}

/** How often the run's record is updated. If the run is killed, the record is at most this old. */
const RECORD_EVERY_MS = 2 * SECOND_MS;

const KINDS = Object.keys(CLEANUP_KINDS) as CleanupKind[];

/** Options of `runCleanup`. */
export interface CleanupRunOptions {
  /** No delete starts at or after this instant, in epoch milliseconds. */
  readonly deadlineMs: number;
  /**
   * Time for which expired events are left to DynamoDB TTL, which deletes them for free. In milliseconds.
   *
   * @default 0
   */
  readonly eventsOverdueMs?: number;
  /** Called repeatedly with the totals deleted so far. */
  readonly onProgress?: (removed: Removed) => void;
}

/** Returns the time by which an item must have expired to be deleted. */
const asOf = (kind: CleanupKind, nowMs: number, eventsOverdueMs: number) =>
  kind === "events" ? nowMs - eventsOverdueMs : nowMs;

/**
 * Deletes every kind of expired item and records the run's start, duration, deleted items and status. The kinds run
 * concurrently, so a large backlog of one kind doesn't delay the others.
 *
 * @throws the error of a failed kind, after the other kinds have finished and the record is saved
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

/** Counts what a cleanup run would delete now, without deleting anything. */
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
