import * as z from "zod";

/**
 * Returns the current time in epoch milliseconds. Code receives the clock as a parameter so that tests can control the
 * time.
 */
export type Clock = () => number;

/** System clock. Used only by entry points (handlers, CLI, local stack). */
export const systemClock: Clock = () => Date.now();

/** Formats an instant as UTC ISO 8601 with milliseconds, which sorts as text. */
export function toInstant(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** Converts to epoch seconds for DynamoDB TTL. Rounds up so that nothing expires early. */
export function toEpochSeconds(epochMs: number): number {
  return Math.ceil(epochMs / 1000);
}

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/**
 * An instant in UTC with milliseconds, such as `2026-11-23T10:00:00.000Z`. Input with a different precision is
 * converted.
 */
export const instantSchema = z.iso
  .datetime({ error: "a UTC time such as 2026-11-23T10:00:00.000Z" })
  .transform((text, context) => {
    const atMs = Date.parse(text);
    if (Number.isNaN(atMs)) {
      context.addIssue({ code: "custom", message: "the time does not exist" });
      return z.NEVER;
    }
    return toInstant(atMs);
  });
