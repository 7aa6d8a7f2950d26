import * as z from "zod";

/** The present, in epoch milliseconds. Injected everywhere, so that a test decides what time it is. */
export type Clock = () => number;

/** The machine's clock; only entry points (handlers, CLI, local stack) name it. */
export const systemClock: Clock = () => Date.now();

/** An instant as it travels: UTC ISO-8601 with milliseconds, which sorts as text. */
export function toInstant(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** Epoch seconds for DynamoDB TTL, rounded up so that nothing expires early. */
export function toEpochSeconds(epochMs: number): number {
  return Math.ceil(epochMs / 1000);
}

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** An instant in UTC with milliseconds, `2026-11-23T10:00:00.000Z`; other precisions are brought to it. */
export const instantSchema = z.iso
  .datetime({ error: "a UTC time such as 2026-11-23T10:00:00.000Z" })
  .transform((text, context) => {
    const atMs = Date.parse(text);
    if (Number.isNaN(atMs)) {
      context.addIssue({ code: "custom", message: "no such time" });
      return z.NEVER;
    }
    return toInstant(atMs);
  });
