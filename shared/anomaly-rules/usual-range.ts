import { DAY_MS, HOUR_MS } from "../time/clock.ts";
import type { HourCounts } from "./detection-snapshot.ts";

/** What is usual of an hour, from comparable ones. */
export interface UsualRange {
  readonly median: number;
  /** Standard deviation as the median absolute deviation estimates it, at least that of a Poisson. */
  readonly deviation: number;
  /** Hours compared. */
  readonly hours: number;
}

/** Fewer comparable hours than these tell nothing. */
const MIN_HOURS = 6;

/** Makes the median absolute deviation of normal data its standard deviation. */
const MAD_TO_DEVIATION = 1.4826;

function median(sorted: readonly number[]): number {
  const middle = sorted.length / 2;
  const [low = 0, high = 0] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

const ascending = (a: number, b: number) => a - b;

const isWeekend = (atMs: number) => [0, 6].includes(new Date(atMs).getUTCDay());

/** Hours of the same part of the day, an hour to either side, on the same kind of day. */
function comparable(nowMs: number, hour: number): boolean {
  const apart = Math.abs(((nowMs - HOUR_MS - hour) % DAY_MS) / HOUR_MS);
  return Math.min(apart, 24 - apart) <= 1 && isWeekend(hour) === isWeekend(nowMs);
}

/**
 * What an hour that ends at `nowMs` usually has, by the median and the median absolute deviation, which
 * a past attack does not move. Compares with like hours of like days or, while there are too few of
 * these, with every hour; hours in which nothing was counted count as nothing.
 *
 * @param startMs since when the client was counted at all
 * @returns undefined when the history is too short to tell
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
