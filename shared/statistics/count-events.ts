import { HOUR_MS, MINUTE_MS, toInstant } from "../clock/clock.ts";
import { readHourBuckets, readMinuteBuckets } from "./read-counters.ts";
import type { StatisticsStore } from "./statistics-store.ts";
import type { TimeRange } from "./time-range.ts";

/** Type and client. */
const DIMENSIONS = 2;

/** Events counted by type, over the whole minutes that a range touches. */
export interface EventCounts {
  /** The range counted: that asked for, widened to whole minutes. */
  readonly from: string;
  readonly to: string;
  readonly by_type: Readonly<Record<string, number>>;
}

/** Counts the events of a range by type, from counters alone; cost grows with days × types × clients. */
export async function countEvents(store: StatisticsStore, range: TimeRange): Promise<EventCounts> {
  const fromMs = Math.floor(range.fromMs / MINUTE_MS) * MINUTE_MS;
  const toMs = Math.ceil(range.toMs / MINUTE_MS) * MINUTE_MS;
  const ragged = new Set(
    [fromMs, toMs]
      .filter((end) => end % HOUR_MS !== 0)
      .map((end) => Math.floor(end / HOUR_MS) * HOUR_MS),
  );
  const [hours, minutes] = await Promise.all([
    readHourBuckets(store, "events", DIMENSIONS, fromMs, toMs),
    readMinuteBuckets(store, "events", DIMENSIONS, [...ragged]),
  ]);
  const totals = new Map<string, number>();
  const inRange = [
    ...hours.filter(({ startMs }) => !ragged.has(startMs)),
    ...minutes.filter(({ startMs }) => startMs >= fromMs && startMs < toMs),
  ];
  for (const { dimensions, count } of inRange) {
    const type = dimensions[0] ?? "";
    totals.set(type, (totals.get(type) ?? 0) + count);
  }
  return {
    from: toInstant(fromMs),
    to: toInstant(toMs),
    by_type: Object.fromEntries([...totals].sort(([a], [b]) => a.localeCompare(b))),
  };
}
