import { DAY_MS, HOUR_MS } from "../../core/clock.ts";
import { type Anomaly, formatWindow } from "./anomaly-rule.ts";
import type { ClientHistory, HourCounts } from "./detection-snapshot.ts";
import { RAISED_FROM } from "./risk.ts";

/** The usual count for an hour, calculated from comparable hours. */
export interface UsualRange {
  readonly median: number;
  /**
   * Standard deviation, estimated from the median absolute deviation. Never less than that of a Poisson distribution.
   */
  readonly deviation: number;
  /** Number of hours that were compared. */
  readonly hours: number;
}

/** Minimum number of hours needed for a comparison. */
const MIN_HOURS = 6;

/** Ratio of the standard deviation to the median absolute deviation in normally distributed data. */
const MAD_TO_DEVIATION = 1.4826;

function median(sorted: readonly number[]): number {
  const middle = sorted.length / 2;
  const [low = 0, high = 0] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

const ascending = (a: number, b: number) => a - b;

const isWeekend = (atMs: number) => [0, 6].includes(new Date(atMs).getUTCDay());

/** Whether an hour is at the same time of day, give or take one hour, on the same kind of day. */
function comparable(nowMs: number, hour: number): boolean {
  const apart = Math.abs(((nowMs - HOUR_MS - hour) % DAY_MS) / HOUR_MS);
  return Math.min(apart, 24 - apart) <= 1 && isWeekend(hour) === isWeekend(nowMs);
}

/**
 * Returns the usual count for the hour that ends at `nowMs`. It uses the median and the median absolute deviation,
 * because past attacks barely affect them. It compares hours at the same time of day on the same kind of day, or all
 * hours while there are too few of these. An hour without a count is zero.
 *
 * @param startMs when the client was first counted
 * @returns undefined if the history is too short
 */
export function usualRange(
  hours: HourCounts,
  startMs: number,
  nowMs: number,
): UsualRange | undefined {
  const all: number[] = [];
  for (let hour = startMs; hour + HOUR_MS <= nowMs - HOUR_MS; hour += HOUR_MS) all.push(hour);
  const like = all.filter((hour) => comparable(nowMs, hour));
  const chosen = like.length >= MIN_HOURS ? like : all;
  if (chosen.length < MIN_HOURS) return undefined;
  const counts = chosen.map((hour) => hours.get(hour) ?? 0).sort(ascending);
  const middle = median(counts);
  const deviations = counts.map((count) => Math.abs(count - middle)).sort(ascending);
  return {
    median: middle,
    deviation: Math.max(MAD_TO_DEVIATION * median(deviations), Math.sqrt(Math.max(1, middle))),
    hours: chosen.length,
  };
}

export interface UnusualHoursParameters {
  readonly minimum: number;
  readonly deviations: number;
  readonly ratio: number;
}

/** Minimum history for a client. With less, the usual range is unknown. */
const LEARN_MS = 24 * HOUR_MS;

/**
 * Returns the clients whose last hour clearly differs from their own history.
 *
 * @param counted how the message describes what is counted
 */
export function unusualHours(
  histories: readonly ClientHistory[],
  historyStartMs: number,
  nowMs: number,
  parameters: UnusualHoursParameters,
  counted: string,
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
    return {
      subject: { kind: "client", id: clientId } as const,
      message: `${clientId} had ${lastHour} ${counted} within an hour; the usual number at this time of day is ${Math.round(usual.median)}`,
      score: RAISED_FROM,
      observed: lastHour,
      threshold: Math.ceil(threshold),
      ...formatWindow(nowMs - HOUR_MS, nowMs),
      evidence: {
        usual_median: usual.median,
        usual_deviation: Number(usual.deviation.toFixed(2)),
        compared_hours: usual.hours,
      },
    };
  });
}
