import type { RankedKind } from "../audit-log/counter-keys.ts";
import { type CounterShards, readCounterShards } from "../audit-log/counter-shards.ts";
import type { StatisticsStore } from "../audit-log/counter-store.ts";
import { failureSubjects, isFailure } from "../audit-log/event-counts.ts";
import type { EventFilters } from "../audit-log/event-index.ts";
import { type QueryContext, queryEvents } from "../audit-log/query-events.ts";
import { readRankedItems } from "../audit-log/read-ranked-items.ts";
import type { StoredEvent } from "../audit-log/stored-event.ts";
import { type Clock, DAY_MS, HOUR_MS, MINUTE_MS, toInstant } from "../core/clock.ts";
import { steps, type TimeRange } from "../core/time-range.ts";
import { getEventTypes, NO_CLIENT } from "../events/oauth-event.ts";
import { partialHours, readEventBuckets, wholeMinutes } from "./event-buckets.ts";

/** Filters for events. Without filters, all events count. */
export type ActivityFilters = Pick<EventFilters, "clientId" | "userId" | "tokenId" | "ip">;

/** Events and failures in a range, over time and by subject. Times are UTC. */
export interface Activity {
  /** Start of the counted range, which is the requested range widened to whole minutes. */
  readonly from: string;
  readonly to: string;
  readonly computed_at: string;
  /** Bucket width in seconds. Buckets start at multiples of this width since the epoch. */
  readonly bucket_seconds: number;
  /** All buckets in the range, oldest first, with the number of events of each type. */
  readonly buckets: readonly {
    readonly start: string;
    readonly events: Readonly<Record<string, number>>;
  }[];
  /** `auth_failed` and `scope_violation` events by subject, highest count first, at most ten subjects of each kind. */
  readonly failures: {
    readonly total: number;
    readonly by_client: readonly ValueCount[];
    readonly by_ip: readonly ValueCount[];
    readonly by_endpoint: readonly ValueCount[];
  };
  /** False if there were more events than one call reads. `from` is then the time of the oldest event that was read. */
  readonly complete: boolean;
}

export interface ActivityContext extends QueryContext {
  readonly clock: Clock;
}

/** Maximum pages of 1,000 events that one call reads. */
const MAX_PAGES = 10;
const PAGE = 1000;

/** Bucket width to use for ranges up to each length. A chart has 24 to about 180 buckets. */
const BUCKETS = [
  { upToMs: 2 * HOUR_MS, bucketMs: MINUTE_MS },
  { upToMs: 12 * HOUR_MS, bucketMs: 5 * MINUTE_MS },
  { upToMs: 7 * DAY_MS, bucketMs: HOUR_MS },
  { upToMs: 31 * DAY_MS, bucketMs: 6 * HOUR_MS },
] as const;

function bucketLengthMs({ fromMs, toMs }: TimeRange): number {
  return BUCKETS.find(({ upToMs }) => toMs - fromMs <= upToMs)?.bucketMs ?? DAY_MS;
}

/** One or more events of one type at about the same time. */
interface Tally {
  readonly atMs: number;
  readonly eventType: string;
  readonly clientId: string;
  readonly count: number;
}

function shape(
  minutes: TimeRange,
  bucketMs: number,
  tallies: readonly Tally[],
  rankings: { readonly ips: Map<string, number>; readonly endpoints: Map<string, number> },
): Omit<Activity, "computed_at" | "complete"> {
  const buckets = new Map(
    steps(minutes.fromMs, minutes.toMs, bucketMs).map((start) => [
      start,
      new Map<string, number>(),
    ]),
  );
  const clients = new Map<string, number>();
  let failures = 0;
  for (const { atMs, eventType, clientId, count } of tallies) {
    const bucket = buckets.get(Math.floor(atMs / bucketMs) * bucketMs);
    bucket?.set(eventType, (bucket.get(eventType) ?? 0) + count);
    if (!isFailure(eventType)) continue;
    failures += count;
    clients.set(clientId, (clients.get(clientId) ?? 0) + count);
  }
  return {
    from: toInstant(minutes.fromMs),
    to: toInstant(minutes.toMs),
    bucket_seconds: bucketMs / 1000,
    buckets: [...buckets].map(([start, events]) => ({
      start: toInstant(start),
      events: Object.fromEntries([...events].sort(([a], [b]) => a.localeCompare(b))),
    })),
    failures: {
      total: failures,
      by_client: mostFrequent(clients),
      by_ip: mostFrequent(rankings.ips),
      by_endpoint: mostFrequent(rankings.endpoints),
    },
  };
}

/**
 * Reads counters. The cost grows with days × types × clients. For buckets under an hour, it also grows with the number
 * of hours.
 */
async function fromCounters(
  context: ActivityContext,
  minutes: TimeRange,
  bucketMs: number,
  clientId: string | undefined,
) {
  const byMinute = bucketMs < HOUR_MS ? steps(minutes.fromMs, minutes.toMs, HOUR_MS) : [];
  const shards = await readCounterShards(context, minutes.fromMs, minutes.toMs);
  const [buckets, ips, endpoints] = await Promise.all([
    readEventBuckets(context, minutes, shards, byMinute),
    readRanking(context, "failed_ips", minutes, shards, clientId),
    readRanking(context, "failed_endpoints", minutes, shards, clientId),
  ]);
  const tallies = buckets
    .filter((bucket) => clientId === undefined || bucket.clientId === clientId)
    .map((bucket) => ({ ...bucket, atMs: bucket.startMs }));
  return { ...shape(minutes, bucketMs, tallies, { ips, endpoints }), complete: true };
}

/** Reads events, newest first, up to the limit for one call. */
async function findEvents(context: ActivityContext, range: TimeRange, filters: ActivityFilters) {
  const events: StoredEvent[] = [];
  let cursor: string | undefined;
  for (let read = 0; read === 0 || (cursor !== undefined && read < MAX_PAGES); read += 1) {
    const page = await queryEvents(context, { ...range, ...filters, limit: PAGE, cursor });
    events.push(...page.events);
    cursor = page.next_cursor ?? undefined;
  }
  return { events, complete: cursor === undefined };
}

/** Reads the events for one token, user or address. */
async function fromEvents(
  context: ActivityContext,
  minutes: TimeRange,
  bucketMs: number,
  filters: ActivityFilters,
) {
  const { events, complete } = await findEvents(context, minutes, filters);
  const oldest = events.at(-1);
  const seen = complete
    ? minutes
    : wholeMinutes({ ...minutes, fromMs: oldest ? Date.parse(oldest.occurred_at) : minutes.toMs });
  const rankings = {
    failed_ips: new Map<string, number>(),
    failed_endpoints: new Map<string, number>(),
  };
  for (const event of events) {
    for (const { kind, value } of failureSubjects(event)) {
      rankings[kind].set(value, (rankings[kind].get(value) ?? 0) + 1);
    }
  }
  const tallies = events.flatMap((event) =>
    getEventTypes(event).map((eventType) => ({
      atMs: Date.parse(event.occurred_at),
      eventType,
      clientId: event.oauth_client_id ?? NO_CLIENT,
      count: 1,
    })),
  );
  const { failed_ips: ips, failed_endpoints: endpoints } = rankings;
  return { ...shape(seen, bucketMs, tallies, { ips, endpoints }), complete };
}

/**
 * Returns a range's events over time by type, and its failures by client, address and endpoint. For all clients or one
 * client, it reads only counters, so the number of events doesn't matter. For one token, user or address, it reads at
 * most the newest 10,000 events.
 */
export async function activity(
  context: ActivityContext,
  range: TimeRange,
  filters: ActivityFilters = {},
): Promise<Activity> {
  const minutes = wholeMinutes(range);
  const bucketMs = bucketLengthMs(range);
  const { clientId, userId, tokenId, ip } = filters;
  const narrow = userId !== undefined || tokenId !== undefined || ip !== undefined;
  const found = narrow
    ? await fromEvents(context, minutes, bucketMs, filters)
    : await fromCounters(context, minutes, bucketMs, clientId);
  return { ...found, computed_at: toInstant(context.clock()) };
}

/** A value and how often it occurs. */
export interface ValueCount {
  readonly value: string;
  readonly count: number;
}

/** Returns the ten most frequent values, highest count first. */
export function mostFrequent(counts: ReadonlyMap<string, number>): ValueCount[] {
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || a.value.localeCompare(b.value))
    .slice(0, 10);
}

/** A day or an hour, and the attributes of its items that fall within the range. */
interface Period {
  readonly name: string;
  readonly attributes: ReadonlySet<string>;
}

function attribute(index: number): string {
  return `n${String(index).padStart(2, "0")}`;
}

/** Returns the ranking periods that cover a range: days for whole hours, and hours for partial hours. */
function splitPeriods({ fromMs, toMs }: TimeRange): Period[] {
  const ragged = partialHours({ fromMs, toMs });
  const within = (startMs: number, stepMs: number, count: number, skip = new Set<number>()) =>
    new Set(
      Array.from({ length: count }, (_, index) => ({ index, atMs: startMs + index * stepMs }))
        .filter(({ atMs }) => atMs + stepMs > fromMs && atMs < toMs && !skip.has(atMs))
        .map(({ index }) => attribute(index)),
    );
  return [
    ...steps(fromMs, toMs, DAY_MS).map((startMs) => ({
      name: toInstant(startMs).slice(0, 10),
      attributes: within(startMs, HOUR_MS, 24, ragged),
    })),
    ...[...ragged].map((startMs) => ({
      name: toInstant(startMs).slice(0, 13),
      attributes: within(startMs, MINUTE_MS, 60),
    })),
  ].filter(({ attributes }) => attributes.size > 0);
}

/**
 * Returns the most frequent subjects and their counts in a range of whole minutes, for all clients or one client.
 *
 * Cost: one Query per day, partial hour and shard, regardless of the number of subjects. Each Query reads the top 200
 * items or, for one client, the first megabyte. A subject's count is exact if every period's Query returned the
 * subject. Otherwise the count may be too low, but never too high.
 */
export async function readRanking(
  store: StatisticsStore,
  kind: RankedKind,
  range: TimeRange,
  shards: CounterShards,
  clientId?: string,
): Promise<Map<string, number>> {
  const totals = new Map<string, number>();
  await Promise.all(
    splitPeriods(range).map(async ({ name, attributes }) => {
      const items = await readRankedItems(store, kind, name, shards, clientId);
      for (const { value, numbers } of items) {
        const count = Object.entries(numbers)
          .filter(([field]) => attributes.has(field))
          .reduce((sum, [, number]) => sum + number, 0);
        if (count > 0) totals.set(value, (totals.get(value) ?? 0) + count);
      }
    }),
  );
  return totals;
}
