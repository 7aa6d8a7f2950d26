import type { StatisticsStore } from "../counters/counter-store.ts";
import type { DocumentClient } from "../dynamodb/document-client.ts";
import { type Clock, toEpochSeconds, toInstant } from "../time/clock.ts";
import { decodeCursor, encodeCursor } from "./event-cursor.ts";
import { type EventFilters, type IndexPlan, planIndex } from "./event-index.ts";
import { EventStream } from "./event-stream.ts";
import { type StoredEvent, storedEventSchema } from "./stored-event.ts";

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

/** Index pages one call may read; a query whose filters match rarely hands out a cursor instead. */
const MAX_READS = 64;

/** A function answers 6 MB at most; the last event may go beyond this by its own size. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

const EARLIEST = "0000-01-01T00:00:00.000Z";
const LATEST = "9999-12-31T23:59:59.999Z";

function openStreams(
  context: QueryContext,
  query: EventQuery,
  plan: IndexPlan,
  before: string | undefined,
): EventStream[] {
  const from = query.fromMs === undefined ? EARLIEST : toInstant(query.fromMs);
  const to = query.toMs === undefined ? LATEST : toInstant(query.toMs);
  const last = before !== undefined && before < to ? before : to;
  if (from > last) return [];
  const filters = Object.entries(plan.oneOf);
  return plan.partitions.map(
    (partition) =>
      new EventStream(context.db, {
        TableName: context.eventsTable,
        IndexName: plan.indexName,
        KeyConditionExpression:
          "#partition = :partition AND occurred_at_id BETWEEN :from AND :last",
        FilterExpression: [
          "expires_at > :now",
          ...filters.map(([path, values], index) => {
            const names = path.split(".").map((_, level) => `#f${index}_${level}`);
            return `${names.join(".")} IN (${values.map((_, n) => `:f${index}_${n}`).join(", ")})`;
          }),
        ].join(" AND "),
        ExpressionAttributeNames: {
          "#partition": plan.partitionKey,
          ...Object.fromEntries(
            filters.flatMap(([path], index) =>
              path.split(".").map((name, level) => [`#f${index}_${level}`, name]),
            ),
          ),
        },
        ExpressionAttributeValues: {
          ":partition": partition,
          ":from": from,
          ":last": last,
          ":now": toEpochSeconds(context.clock()),
          ...Object.fromEntries(
            filters.flatMap(([, values], index) =>
              values.map((value, n) => [`:f${index}_${n}`, value]),
            ),
          ),
        },
        ScanIndexForward: false,
        Limit: filters.length > 0 ? 500 : query.limit + 1,
      }),
  );
}

const placeOf = (item: Record<string, unknown>): string => String(item.occurred_at_id);

/** The stream with the newest head, among those newer than `frontier`. */
function newest(streams: readonly EventStream[], frontier = ""): EventStream | undefined {
  return streams.reduce<EventStream | undefined>((best, stream) => {
    if (!stream.head || placeOf(stream.head) <= frontier) return best;
    return best?.head && placeOf(best.head) >= placeOf(stream.head) ? best : stream;
  }, undefined);
}

/**
 * One page of the audit log, newest first, merged over the shards of the index that fits the filters.
 * Reads at most 64 index pages a call, whatever the filters: what it had no room to look at is reached
 * by the cursor, and so is what goes beyond 4 MB of events. Expired events are never shown, deleted or not.
 *
 * @throws InvalidCursorError when the cursor does not belong to the query.
 */
export async function queryEvents(context: QueryContext, query: EventQuery): Promise<EventPage> {
  const { cursor, limit, ...identity } = query;
  const before = cursor === undefined ? undefined : decodeCursor(cursor, identity);
  const plan = await planIndex(context, query);
  const streams = openStreams(context, query, plan, before);
  const events: StoredEvent[] = [];
  let reads = 0;
  let bytes = 0;
  let last: string | undefined;

  const full = () => events.length >= limit || bytes >= MAX_PAGE_BYTES;
  const show = (item: Record<string, unknown>) => {
    last = placeOf(item);
    // The range's end is inclusive for DynamoDB; the event that a cursor names was shown already.
    if (last === before) return;
    const event = storedEventSchema.parse(item);
    bytes += Buffer.byteLength(JSON.stringify(event));
    events.push(event);
  };

  while (!full()) {
    const unread = streams.filter((stream) => stream.mustRead);
    if (unread.length > 0) {
      if (reads > 0 && reads + unread.length > MAX_READS) {
        // Out of reads: only what is newer than the least advanced stream is known to be next.
        const frontier =
          unread
            .map((stream) => stream.readTo ?? LATEST)
            .sort()
            .at(-1) ?? LATEST;
        for (
          let item = newest(streams, frontier)?.take();
          item && !full();
          item = newest(streams, frontier)?.take()
        ) {
          show(item);
        }
        if (!full()) last = frontier;
        break;
      }
      reads += unread.length;
      await Promise.all(unread.map((stream) => stream.read()));
      continue;
    }
    const item = newest(streams)?.take();
    if (!item) return { events, next_cursor: null };
    show(item);
  }
  const more = streams.some((stream) => stream.hasMore);
  return { events, next_cursor: more && last ? encodeCursor(last, identity) : null };
}
