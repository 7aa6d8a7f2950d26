import type { Clock } from "../clock/clock.ts";
import { type PurgeLimits, purgeExpired } from "./purge-expired.ts";
import {
  expiredAuthorizationCodes,
  expiredEvents,
  expiredSessions,
  expiredTokens,
  type PurgeStore,
} from "./purge-targets.ts";

export interface CleanupContext extends PurgeStore {
  readonly clock: Clock;
}

/** What `cleanupExpiredTokens` removed. */
export interface TokenCleanup {
  readonly access_tokens_removed: number;
  readonly authorization_codes_removed: number;
  readonly finished: boolean;
}

/** What a cleanup of one kind removed. */
export interface Cleanup {
  readonly removed: number;
  readonly finished: boolean;
}

/** Limits of a cleanup; without a deadline it runs until nothing expired is left. */
export type CleanupLimits = Partial<Omit<PurgeLimits, "clock">>;

function limitsOf(context: CleanupContext, limits: CleanupLimits): PurgeLimits {
  return {
    deadlineMs: Number.POSITIVE_INFINITY,
    concurrency: context.config.purge.concurrency,
    ...limits,
    clock: context.clock,
  };
}

/** Removes access tokens and authorization codes that are past their `expires_at`. */
export async function cleanupExpiredTokens(
  context: CleanupContext,
  limits: CleanupLimits = {},
): Promise<TokenCleanup> {
  const nowMs = context.clock();
  const bounds = limitsOf(context, limits);
  const tokens = await purgeExpired(context.client, expiredTokens(context, nowMs), bounds);
  const codes = await purgeExpired(
    context.client,
    expiredAuthorizationCodes(context, nowMs),
    bounds,
  );
  return {
    access_tokens_removed: tokens.removed,
    authorization_codes_removed: codes.removed,
    finished: tokens.finished && codes.finished,
  };
}

/** Removes sessions that are past their `expires_at`. */
export async function cleanupExpiredSessions(
  context: CleanupContext,
  limits: CleanupLimits = {},
): Promise<Cleanup> {
  const target = expiredSessions(context, context.clock());
  return purgeExpired(context.client, target, limitsOf(context, limits));
}

/** Removes events that are past their retention and that TTL has not removed yet. */
export async function cleanupEvents(
  context: CleanupContext,
  limits: CleanupLimits = {},
): Promise<Cleanup> {
  const target = await expiredEvents(context, context.clock());
  return purgeExpired(context.client, target, limitsOf(context, limits));
}
