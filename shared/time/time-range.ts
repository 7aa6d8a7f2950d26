import * as z from "zod";
import { OAuthMonitoringError } from "../errors/oauth-monitoring-error.ts";
import { DAY_MS, instantSchema } from "./clock.ts";

/** [fromMs, toMs) in epoch milliseconds. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A range that makes no sense, with what would. */
export class InvalidRangeError extends OAuthMonitoringError {
  override readonly name = "InvalidRangeError";
}

/** `from` and `to` as callers give them: UTC instants, both optional. */
export const rangeParametersSchema = z.object({
  from: instantSchema.optional(),
  to: instantSchema.optional(),
});

/**
 * The range meant by `from` and `to`: `to` defaults to now, `from` to 24 hours before `to`.
 *
 * @throws InvalidRangeError when `from` is not before `to`, or lies before what is kept.
 */
export function resolveRange(
  parameters: z.output<typeof rangeParametersSchema>,
  nowMs: number,
  keptDays: number,
): TimeRange {
  const toMs = parameters.to === undefined ? nowMs : Date.parse(parameters.to);
  const fromMs = parameters.from === undefined ? toMs - DAY_MS : Date.parse(parameters.from);
  if (fromMs >= toMs) throw new InvalidRangeError("from must be before to");
  if (fromMs < nowMs - keptDays * DAY_MS) {
    throw new InvalidRangeError(
      `from lies before the ${keptDays} days that are kept: choose a later one`,
    );
  }
  if (toMs > nowMs + 366 * DAY_MS) throw new InvalidRangeError("to lies more than a year ahead");
  return { fromMs, toMs };
}
