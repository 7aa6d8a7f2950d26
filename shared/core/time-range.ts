import * as z from "zod";
import { DAY_MS, instantSchema } from "./clock.ts";
import { OAuthMonitoringError } from "./errors.ts";

/** Half-open range [fromMs, toMs) in epoch milliseconds. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Thrown for an invalid range. The message says how to fix it. */
export class InvalidRangeError extends OAuthMonitoringError {
  override readonly name = "InvalidRangeError";

  /** @param pointer JSON Pointer (RFC 6901) to the invalid bound */
  constructor(
    readonly pointer: "/from" | "/to",
    message: string,
  ) {
    super(message);
  }
}

/** Optional `from` and `to` request parameters, as UTC instants. */
export const rangeParametersSchema = z.object({
  from: instantSchema.optional(),
  to: instantSchema.optional(),
});

/**
 * Returns the requested range. `to` defaults to now, and `from` to 24 hours before `to`.
 *
 * @throws InvalidRangeError if `from` isn't before `to`, if the range starts before the retention period, or if it ends
 *   more than a year from now
 */
export function resolveRange(
  parameters: z.output<typeof rangeParametersSchema>,
  nowMs: number,
  retentionDays: number,
): TimeRange {
  const toMs = parameters.to === undefined ? nowMs : Date.parse(parameters.to);
  const fromMs = parameters.from === undefined ? toMs - DAY_MS : Date.parse(parameters.from);
  if (fromMs >= toMs) throw new InvalidRangeError("/from", "from must be before to");
  if (fromMs < nowMs - retentionDays * DAY_MS) {
    throw parameters.from === undefined
      ? new InvalidRangeError(
          "/to",
          `the 24 hours before to start before the retention of ${retentionDays} days. Choose a later to`,
        )
      : new InvalidRangeError(
          "/from",
          `from is before the retention of ${retentionDays} days. Choose a later from`,
        );
  }
  if (toMs > nowMs + 366 * DAY_MS) {
    throw new InvalidRangeError("/to", "to is more than a year from now. Choose an earlier to");
  }
  return { fromMs, toMs };
}

/** Returns the start times of the steps that overlap [fromMs, toMs). Each step starts at a multiple of `stepMs`. */
export function steps(fromMs: number, toMs: number, stepMs: number): number[] {
  const starts: number[] = [];
  const firstMs = Math.floor(fromMs / stepMs) * stepMs;
  for (let start = firstMs; start < toMs; start += stepMs) starts.push(start);
  return starts;
}
