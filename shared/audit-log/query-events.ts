import type { MonitoringContext } from "../config/monitoring-context.ts";
import { toEpochSeconds, toInstant } from "../core/clock.ts";
import { readEnrichment } from "../events/ip-enrichment.ts";
import { addressGroup } from "../events/ip-network.ts";
import { getEventTypes } from "../events/oauth-event.ts";
import { BATCH_ITEM_SPAN_MS } from "./batch-item.ts";
import { decodeCursor, encodeCursor } from "./event-cursor.ts";
import { type EventFilters, type IndexPlan, isAddressGroup, planIndex } from "./event-index.ts";
import { getSortKey } from "./event-key.ts";
import { EventStream, MAX_ITEMS } from "./event-stream.ts";
import type { StoredEvent } from "./stored-event.ts";

/** A request for a page of the audit log. */
export interface EventQuery extends EventFilters {
  /** Time range [fromMs, toMs) of `occurred_at`, in epoch milliseconds. Defaults to all stored events. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** Page size, from 1 to 1000. */
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** One page, newest first. If there is a cursor, more events may follow, even after a short or empty page. */
export interface EventPage {
  readonly events: readonly StoredEvent[];
  readonly next_cursor: string | null;
}

/** The properties of `MonitoringContext` that `queryEvents` uses. */
export type QueryContext = Parameters<typeof queryEvents>[0];

/** Maximum reads per call. When matches are rare, the query stops here and returns a cursor. */
const MAX_READS = 64;

/**
 * Maximum events examined per call. Filters without an index, such as country, have to read batch items. If matches
 * were rare, that would exceed the function's timeout.
 */
const MAX_LOOKED_AT = 20_000;

/** Maximum items per Query with a filter that has no index. */
const MAX_EXAMINED_EVENTS = 64;

/**
 * Maximum bytes of events per page. A Lambda response is limited to 6 MB. The last event may exceed this limit by its
 * own size.
 */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

const EARLIEST = "0000-01-01T00:00:00.000Z";
const LATEST = "9999-12-31T23:59:59.999Z";

/**
 * Returns the `Limit` for the first Query of each partition: an equal share of the page, or more if a filter skips
 * items.
 */
function firstLimit(limit: number, partitions: number, isFiltered: boolean): number {
  const share = Math.ceil(limit / partitions);
  return Math.min(isFiltered ? Math.max(16, 4 * share) : Math.max(8, Math.ceil(1.5 * share)), 1000);
}

/** Returns the latest time that a batch item containing `last` can cover. */
function endOfSpan(last: string): string {
  const lastMs = Date.parse(last.slice(0, LATEST.length));
  const endMs = (Math.floor(lastMs / BATCH_ITEM_SPAN_MS) + 1) * BATCH_ITEM_SPAN_MS - 1;
  return toInstant(Math.min(endMs, Date.parse(LATEST)));
}

/** Whether the filters can only be checked against the contents of batch items. */
const looksInto = ({ country, asn, networkType }: EventQuery) =>
  country !== undefined || asn !== undefined || networkType !== undefined;

/** Whether an event's IP enrichment matches the query. */
function isFrom({ country, asn, networkType }: EventQuery, { event_data }: StoredEvent): boolean {
  const enrichment = readEnrichment(event_data);
  return (
    (country === undefined || enrichment?.country === country) &&
    (asn === undefined || enrichment?.asn === asn) &&
    (networkType === undefined || enrichment?.networkType === networkType)
  );
}

/** Whether an event's address is in the requested group. */
function isOfGroup({ ip }: EventQuery, { event_data }: StoredEvent): boolean {
  if (ip === undefined || !isAddressGroup(ip)) return true;
  return typeof event_data.ip === "string" && addressGroup(event_data.ip) === ip;
}

/** Returns the event in the form that the query shows, or undefined if the event doesn't match. */
type View = (event: StoredEvent) => StoredEvent | undefined;

/**
 * Matches events in [from, to) that come after the cursor's position. An event that includes the requested type is
 * shown under that type.
 */
function createView(query: EventQuery, from: string, last: string): View {
  const byEnrichment = looksInto(query);
  return (event) => {
    const sortKey = getSortKey(event);
    if (sortKey < from || sortKey >= last) return undefined;
    if (byEnrichment && !isFrom(query, event)) return undefined;
    if (!isOfGroup(query, event)) return undefined;
    if (query.type === undefined || event.event_type === query.type) return event;
    return getEventTypes(event).includes(query.type)
      ? { ...event, event_type: query.type }
      : undefined;
  };
}

function openStreams(
  context: Pick<MonitoringContext, "db" | "eventsTable" | "clock">,
  query: EventQuery,
  plan: IndexPlan,
  from: string,
  last: string,
): EventStream[] {
  if (from > last) return [];
  const filters = Object.entries(plan.oneOf);
  const mostItems = looksInto(query) ? MAX_EXAMINED_EVENTS : MAX_ITEMS;
  const count = plan.sources.reduce((sum, { partitions }) => sum + partitions.length, 0);
  return plan.sources.flatMap(({ indexName, partitionKey, partitions }) =>
    partitions.map(
      (partition) =>
        new EventStream(
          context.db,
          {
            TableName: context.eventsTable,
            ...(indexName && { IndexName: indexName }),
            KeyConditionExpression:
              "#partition = :partition AND occurred_at_id BETWEEN :from AND :end",
            FilterExpression: [
              "expires_at > :now AND occurred_at <= :last",
              ...filters.map(([path, values], index) => {
                const names = path.split(".").map((_, level) => `#f${index}_${level}`);
                return `${names.join(".")} IN (${values.map((_, n) => `:f${index}_${n}`).join(", ")})`;
              }),
            ].join(" AND "),
            ExpressionAttributeNames: {
              "#partition": partitionKey,
              ...Object.fromEntries(
                filters.flatMap(([path], index) =>
                  path.split(".").map((name, level) => [`#f${index}_${level}`, name]),
                ),
              ),
            },
            ExpressionAttributeValues: {
              ":partition": partition,
              ":from": from,
              // A sort key ends in the event's id. U+10FFFF sorts after every id.
              ":end": `${endOfSpan(last)}#\u{10FFFF}`,
              ":last": last.slice(0, LATEST.length),
              ":now": toEpochSeconds(context.clock()),
              ...Object.fromEntries(
                filters.flatMap(([, values], index) =>
                  values.map((value, n) => [`:f${index}_${n}`, value]),
                ),
              ),
            },
            ScanIndexForward: false,
            Limit: Math.min(firstLimit(query.limit, count, filters.length > 0), mostItems),
          },
          mostItems,
        ),
    ),
  );
}

/** Returns the stream whose next event is the newest, ignoring events older than `frontier`. */
function newest(streams: readonly EventStream[], frontier = ""): EventStream | undefined {
  let best: { readonly stream: EventStream; readonly sortKey: string } | undefined;
  for (const stream of streams) {
    const sortKey = stream.head && getSortKey(stream.head);
    if (sortKey !== undefined && sortKey >= frontier && (!best || sortKey > best.sortKey)) {
      best = { stream, sortKey };
    }
  }
  return best?.stream;
}

/**
 * Reads one page of the audit log, newest first, merged from the partitions that match the filters. One call sends up
 * to 64 reads, examines about 20,000 events and returns about 4 MB. When it reaches a limit, the cursor continues from
 * there. Expired events are never returned, even if they haven't been deleted yet.
 *
 * @example
 * ```typescript
 * const { events, next_cursor } = await queryEvents(openMonitoring(), { userId: "ada", limit: 100 });
 * ```
 * @throws InvalidCursorError if the cursor belongs to a query with different filters
 */
export async function queryEvents(
  context: Pick<MonitoringContext, "db" | "eventsTable" | "countersTable" | "config" | "clock">,
  query: EventQuery,
): Promise<EventPage> {
  const { cursor, limit, ...identity } = query;
  const before = cursor === undefined ? undefined : decodeCursor(cursor, identity);
  const from = query.fromMs === undefined ? EARLIEST : toInstant(query.fromMs);
  const to = query.toMs === undefined ? LATEST : toInstant(query.toMs);
  const last = before !== undefined && before < to ? before : to;
  const view = createView(query, from, last);
  const streams = openStreams(context, query, await planIndex(context, query), from, last);
  const events: StoredEvent[] = [];
  let reads = 0;
  let examined = 0;
  let bytes = 0;
  let shown: string | undefined;

  const full = () => events.length >= limit || bytes >= MAX_PAGE_BYTES;
  /** Takes the next event. Returns false if no next event is known. */
  const takeNext = (frontier?: string): boolean => {
    const next = newest(streams, frontier)?.take();
    examined += 1;
    const event = next && view(next);
    if (event) {
      shown = getSortKey(event);
      bytes += Buffer.byteLength(JSON.stringify(event));
      events.push(event);
    }
    return next !== undefined;
  };

  while (!full()) {
    let unread = streams.filter((stream) => stream.mustRead);
    if (unread.length === 0) {
      if (!takeNext()) return { events, next_cursor: null };
      continue;
    }
    // Unread streams may still return events up to this position, so only newer events can be put in order.
    const frontier =
      unread
        .map(({ readTo }) => readTo)
        .sort()
        .at(-1) ?? "";
    const isEnough = reads + unread.length > MAX_READS || examined >= MAX_LOOKED_AT;
    if (reads > 0 && isEnough && frontier < last) {
      // Reads the remaining listed batch items, because a cursor can't point into an unread batch item.
      unread = unread.filter((stream) => stream.mustReadBatchItems);
      if (unread.length === 0) {
        while (!full() && takeNext(frontier));
        if (!full()) shown = frontier;
        break;
      }
    }
    reads += unread.length;
    await Promise.all(unread.map((stream) => stream.read()));
  }
  const more = streams.some((stream) => stream.hasMore);
  return { events, next_cursor: more && shown ? encodeCursor(shown, identity) : null };
}
