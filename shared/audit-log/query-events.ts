import { type Clock, toEpochSeconds, toInstant } from "../core/clock.ts";
import type { DocumentClient } from "../core/document-client.ts";
import { addressGroup } from "../events/ip-block.ts";
import { typesOf } from "../events/oauth-event.ts";
import { originOf } from "../events/origin.ts";
import type { StatisticsStore } from "./counter-store.ts";
import { decodeCursor, encodeCursor } from "./event-cursor.ts";
import { type EventFilters, type IndexPlan, isAddressGroup, planIndex } from "./event-index.ts";
import { placeOf } from "./event-key.ts";
import { PACK_SPAN_MS } from "./event-pack.ts";
import { EventStream, MOST_ITEMS } from "./event-stream.ts";
import type { StoredEvent } from "./stored-event.ts";

/** A page of the audit log that is asked for. */
export interface EventQuery extends EventFilters {
  /** [fromMs, toMs) of `occurred_at`, epoch milliseconds; without them, all that is kept. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** Events on a page, 1 to 1000. */
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** A page, newest first; with a cursor there may be more, even after a short or empty page. */
export interface EventPage {
  readonly events: readonly StoredEvent[];
  readonly next_cursor: string | null;
}

/** Where the audit log is read. */
export interface QueryContext extends Pick<StatisticsStore, "countersTable" | "config"> {
  readonly db: DocumentClient;
  readonly eventsTable: string;
  readonly clock: Clock;
}

/** Times that one call may read; a query whose filters match rarely hands out a cursor instead. */
const MAX_READS = 64;

/**
 * Events that one call looks at. Packs are looked into for what no index lists, such as a country, and a rare one
 * would take longer than a function may.
 */
const MAX_LOOKED_AT = 20_000;

/** Packs and events that a Query lists at once where most may be left out. */
const MOST_LOOKED_INTO = 64;

/** A function answers 6 MB at most; the last event may go beyond this by its own size. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

const EARLIEST = "0000-01-01T00:00:00.000Z";
const LATEST = "9999-12-31T23:59:59.999Z";

/** Items that a Query lists at first: its share of a page, and more where a filter leaves some out. */
function firstLimit(limit: number, partitions: number, isFiltered: boolean): number {
  const share = Math.ceil(limit / partitions);
  return Math.min(isFiltered ? Math.max(16, 4 * share) : Math.max(8, Math.ceil(1.5 * share)), 1000);
}

/** The last instant of the span in which a pack that has events of `last` may end. */
function endOfSpan(last: string): string {
  const lastMs = Date.parse(last.slice(0, LATEST.length));
  const endMs = (Math.floor(lastMs / PACK_SPAN_MS) + 1) * PACK_SPAN_MS - 1;
  return toInstant(Math.min(endMs, Date.parse(LATEST)));
}

/** Whether the events of a query are known only by looking into packs. */
const looksInto = ({ country, asn, kind }: EventQuery) =>
  country !== undefined || asn !== undefined || kind !== undefined;

/** Whether an event's origin is the one asked for. */
function isFrom({ country, asn, kind }: EventQuery, { event_data }: StoredEvent): boolean {
  const origin = originOf(event_data);
  return (
    (country === undefined || origin?.country === country) &&
    (asn === undefined || origin?.asn === asn) &&
    (kind === undefined || origin?.kind === kind)
  );
}

/** Whether the event's address is in the group that is asked for. */
function isOfGroup({ ip }: EventQuery, { event_data }: StoredEvent): boolean {
  if (ip === undefined || !isAddressGroup(ip)) return true;
  return typeof event_data.ip === "string" && addressGroup(event_data.ip) === ip;
}

/** What a query shows of an event, or undefined when it is not meant. */
type View = (event: StoredEvent) => StoredEvent | undefined;

/** Shows the events of [from, to) before the cursor, and under the type asked for what carries it. */
function viewOf(query: EventQuery, from: string, last: string): View {
  const byOrigin = looksInto(query);
  return (event) => {
    const place = placeOf(event);
    if (place < from || place >= last) return undefined;
    if (byOrigin && !isFrom(query, event)) return undefined;
    if (!isOfGroup(query, event)) return undefined;
    if (query.type === undefined || event.event_type === query.type) return event;
    return typesOf(event).includes(query.type) ? { ...event, event_type: query.type } : undefined;
  };
}

function openStreams(
  context: QueryContext,
  query: EventQuery,
  plan: IndexPlan,
  from: string,
  last: string,
): EventStream[] {
  if (from > last) return [];
  const filters = Object.entries(plan.oneOf);
  const mostItems = looksInto(query) ? MOST_LOOKED_INTO : MOST_ITEMS;
  const count = plan.sources.reduce((sum, { partitions }) => sum + partitions.length, 0);
  return plan.sources.flatMap(({ tableName, indexName, partitionKey, partitions }) =>
    partitions.map(
      (partition) =>
        new EventStream(
          context.db,
          {
            TableName: tableName ?? context.eventsTable,
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
              // A place goes on with the event's id; this is behind every id of the instant.
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

/** The stream with the newest head, among those not older than `frontier`. */
function newest(streams: readonly EventStream[], frontier = ""): EventStream | undefined {
  let best: { readonly stream: EventStream; readonly place: string } | undefined;
  for (const stream of streams) {
    const place = stream.head && placeOf(stream.head);
    if (place !== undefined && place >= frontier && (!best || place > best.place)) {
      best = { stream, place };
    }
  }
  return best?.stream;
}

/**
 * One page of the audit log, newest first, merged over the partitions that fit the filters. Reads at most
 * 64 times a call and looks at about 20,000 events, whatever the filters: what it had no room to look at is reached by the cursor, and so
 * is what goes beyond 4 MB of events. Expired events are never shown, deleted or not.
 *
 * @throws InvalidCursorError when the cursor does not belong to the query.
 */
export async function queryEvents(context: QueryContext, query: EventQuery): Promise<EventPage> {
  const { cursor, limit, ...identity } = query;
  const before = cursor === undefined ? undefined : decodeCursor(cursor, identity);
  const from = query.fromMs === undefined ? EARLIEST : toInstant(query.fromMs);
  const to = query.toMs === undefined ? LATEST : toInstant(query.toMs);
  const last = before !== undefined && before < to ? before : to;
  const view = viewOf(query, from, last);
  const streams = openStreams(context, query, await planIndex(context, query), from, last);
  const events: StoredEvent[] = [];
  let reads = 0;
  let lookedAt = 0;
  let bytes = 0;
  let shown: string | undefined;

  const full = () => events.length >= limit || bytes >= MAX_PAGE_BYTES;
  /** Takes the newest event that is known to be next; answers false when there is none. */
  const takeNext = (frontier?: string): boolean => {
    const next = newest(streams, frontier)?.take();
    lookedAt += 1;
    const event = next && view(next);
    if (event) {
      shown = placeOf(event);
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
    // Only what is newer than the least advanced stream is known to be next.
    const frontier =
      unread
        .map(({ readTo }) => readTo)
        .sort()
        .at(-1) ?? "";
    const isEnough = reads + unread.length > MAX_READS || lookedAt >= MAX_LOOKED_AT;
    if (reads > 0 && isEnough && frontier < last) {
      // What is listed is still looked into: a cursor cannot point into a pack that was not read.
      unread = unread.filter((stream) => stream.mustReadPacks);
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
