import type { Clock } from "../core/clock.ts";
import {
  type CleanupStore,
  expiredAuthorizationCodes,
  expiredEvents,
  expiredSessions,
  expiredTokens,
} from "./cleanup-targets.ts";
import { type DeletionLimits, deleteExpired } from "./delete-expired.ts";

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

function limitsOf(context: CleanupContext, limits: CleanupLimits): DeletionLimits {
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
  const bounds = limitsOf(context, limits);
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
  return deleteExpired(context.db, target, limitsOf(context, limits));
}

/** Deletes events that are past their retention period and that DynamoDB TTL hasn't deleted yet. */
export async function cleanupEvents(
  context: CleanupContext,
  limits: CleanupLimits = {},
): Promise<Cleanup> {
  const target = await expiredEvents(context, context.clock());
  return deleteExpired(context.db, target, limitsOf(context, limits));
}
