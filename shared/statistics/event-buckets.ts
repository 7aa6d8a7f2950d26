import { type CounterShards, readCounterShards } from "../audit-log/counter-shards.ts";
import type { StatisticsStore } from "../audit-log/counter-store.ts";
import { readHourBuckets, readMinuteBuckets } from "../audit-log/read-counters.ts";
import { HOUR_MS, MINUTE_MS, toInstant } from "../core/clock.ts";
import type { TimeRange } from "../core/time-range.ts";

/** Event counters have two dimensions: type and client. */
const DIMENSIONS = 2;

/** Number of events with one type and client in [startMs, startMs + lengthMs). */
export interface EventBucket {
  readonly eventType: string;
  readonly clientId: string;
  readonly startMs: number;
  readonly lengthMs: number;
  readonly count: number;
}

/** Widens a range to whole minutes, because counters have a resolution of one minute. */
export function wholeMinutes({ fromMs, toMs }: TimeRange): TimeRange {
  return {
    fromMs: Math.floor(fromMs / MINUTE_MS) * MINUTE_MS,
    toMs: Math.ceil(toMs / MINUTE_MS) * MINUTE_MS,
  };
}

/** Returns when the hours start that lie only partly within a range of whole minutes. */
export function partialHours({ fromMs, toMs }: TimeRange): Set<number> {
  return new Set(
    [fromMs, toMs]
      .filter((end) => end % HOUR_MS !== 0)
      .map((end) => Math.floor(end / HOUR_MS) * HOUR_MS),
  );
}

/**
 * Reads event counts from counters for a range of whole minutes. Buckets are one hour long, except in partial hours and
 * in the hours in `byMinute`, where they are one minute long.
 *
 * Cost: days × types × clients, plus types × clients for each hour that is read by minute.
 */
export async function readEventBuckets(
  store: StatisticsStore,
  { fromMs, toMs }: TimeRange,
  shards: CounterShards,
  byMinute: readonly number[] = [],
): Promise<EventBucket[]> {
  const minuteHours = partialHours({ fromMs, toMs });
  for (const hour of byMinute) minuteHours.add(hour);
  const [hours, minutes] = await Promise.all([
    readHourBuckets(store, "events", DIMENSIONS, fromMs, toMs, shards),
    readMinuteBuckets(store, "events", DIMENSIONS, [...minuteHours], shards),
  ]);
  // Credential guesses are already counted among the failures.
  const buckets = [
    ...hours.filter(({ startMs }) => !minuteHours.has(startMs)),
    ...minutes.filter(({ startMs }) => startMs >= fromMs && startMs < toMs),
  ].filter(({ field }) => field !== "g");
  return buckets.map(
    ({ dimensions: [type = "", clientId = ""], field, startMs, lengthMs, count }) => {
      const eventType = field === "s" ? "scope_validation_success" : type;
      return { eventType, clientId, startMs, lengthMs, count };
    },
  );
}

/** Events by type, in the whole minutes of a range. */
export interface EventCounts {
  /** Start of the counted range, which is the requested range widened to whole minutes. */
  readonly from: string;
  readonly to: string;
  readonly by_type: Readonly<Record<string, number>>;
}

/**
 * Counts a range's events by type, for all clients or one client. Reads only counters.
 *
 * @param shards counter shards for the range, if the caller has already read them
 */
export async function countEvents(
  store: StatisticsStore,
  range: TimeRange,
  clientId?: string,
  shards?: CounterShards,
): Promise<EventCounts> {
  const minutes = wholeMinutes(range);
  const totals = new Map<string, number>();
  const shardCounts = shards ?? (await readCounterShards(store, minutes.fromMs, minutes.toMs));
  for (const bucket of await readEventBuckets(store, minutes, shardCounts)) {
    if (clientId !== undefined && bucket.clientId !== clientId) continue;
    totals.set(bucket.eventType, (totals.get(bucket.eventType) ?? 0) + bucket.count);
  }
  return {
    from: toInstant(minutes.fromMs),
    to: toInstant(minutes.toMs),
    by_type: Object.fromEntries([...totals].sort(([a], [b]) => a.localeCompare(b))),
  };
}
