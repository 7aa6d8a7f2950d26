import { type CounterShards, readCounterShards } from "../audit-log/counter-shards.ts";
import type { StatisticsStore } from "../audit-log/counter-store.ts";
import { toInstant } from "../core/clock.ts";
import type { TimeRange } from "../core/time-range.ts";
import { readEventBuckets, wholeMinutes } from "./event-buckets.ts";

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
  const whole = wholeMinutes(range);
  const totals = new Map<string, number>();
  const shardsOf = shards ?? (await readCounterShards(store, whole.fromMs, whole.toMs));
  for (const bucket of await readEventBuckets(store, whole, shardsOf)) {
    if (clientId !== undefined && bucket.clientId !== clientId) continue;
    totals.set(bucket.eventType, (totals.get(bucket.eventType) ?? 0) + bucket.count);
  }
  return {
    from: toInstant(whole.fromMs),
    to: toInstant(whole.toMs),
    by_type: Object.fromEntries([...totals].sort(([a], [b]) => a.localeCompare(b))),
  };
}
