import { HOUR_MS, toInstant } from "../../core/clock.ts";
import type { Anomaly } from "./anomaly-rule.ts";
import type { ClientHistory } from "./detection-snapshot.ts";
import { RAISED_FROM } from "./risk.ts";
import { usualRange } from "./usual-range.ts";

export interface UnusualHoursParameters {
  readonly minimum: number;
  readonly deviations: number;
  readonly ratio: number;
}

/** Minimum history for a client. With less, there is no telling what is usual. */
const LEARN_MS = 24 * HOUR_MS;

/**
 * Returns the clients whose last hour clearly differs from their own history.
 *
 * @param what how the message describes what is counted
 */
export function unusualHours(
  histories: readonly ClientHistory[],
  historyStartMs: number,
  nowMs: number,
  parameters: UnusualHoursParameters,
  what: string,
): Anomaly[] {
  return histories.flatMap(({ clientId, lastHour, hours, firstSeenMs }) => {
    // Once a client has appeared, hours without a count are zero.
    const firstMs = Math.max(historyStartMs, Math.min(firstSeenMs, ...hours.keys()));
    if (lastHour < parameters.minimum || nowMs - firstMs < LEARN_MS) return [];
    const usual = usualRange(hours, firstMs, nowMs);
    if (!usual) return [];
    const threshold = Math.max(
      parameters.minimum,
      usual.median + parameters.deviations * usual.deviation,
      usual.median * parameters.ratio,
    );
    if (lastHour < threshold) return [];
    return [
      {
        subject: { kind: "client", id: clientId } as const,
        message: `${clientId} had ${lastHour} ${what} within an hour; the usual number at this time of day is ${Math.round(usual.median)}`,
        score: RAISED_FROM,
        observed: lastHour,
        threshold: Math.ceil(threshold),
        windowStart: toInstant(nowMs - HOUR_MS),
        windowEnd: toInstant(nowMs),
        evidence: {
          usual_median: usual.median,
          usual_deviation: Number(usual.deviation.toFixed(2)),
          compared_hours: usual.hours,
        },
      },
    ];
  });
}
