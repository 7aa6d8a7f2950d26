import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import * as z from "zod";
import { SECOND_MS } from "../core/clock.ts";
import { batchGetAll, type DocumentClient } from "../core/document-client.ts";
import type { OAuthEvent } from "../events/oauth-event.ts";
import { type EventKey, eventKey, getSortKey } from "./event-key.ts";
import {
  type EventItem,
  getLifetime,
  listingKeys,
  type StorageConfig,
  type StoredEvent,
  storedEventSchema,
  toEventItem,
} from "./stored-event.ts";

/** Maximum time span of the events in a batch item. It limits how far readers must search. */
export const BATCH_ITEM_SPAN_MS = 10 * SECOND_MS;

/**
 * A batch item: compressed copies of events that have the same client and type and are stored together. The indexes by
 * time, type and client list the batch item instead of the individual events, because one index entry per event would
 * be most of the cost of storing an event.
 *
 * | attribute | content |
 * | --- | --- |
 * | `subject_shard` | `batch:` and the newest event's `subject_shard` |
 * | `occurred_at_id` | sort key of the newest event |
 * | `occurred_at` | time of the oldest event |
 * | `event_count` | number of events |
 * | `events` | the events, newest first: JSON, compressed with Brotli; in no index |
 */
const batchItemSchema = storedEventSchema
  .omit({ id: true, occurred_at: true, event_data: true })
  .extend({
    events: z.instanceof(Uint8Array),
  });

/**
 * Maximum size of an event in a batch item. The limit keeps batch items far below DynamoDB's 400 KB. Larger events are
 * listed individually.
 */
const MAX_BATCHED_BYTES = 2048;

/** Brotli quality. Higher values are slower and save little space. */
const QUALITY = 5;

/** Fields stored per event. The batch item itself stores the type and client. */
type BatchedEvent = Pick<OAuthEvent, "id" | "occurred_at" | "user_id" | "event_data">;

/** Returns the name of the batch that an event belongs to, made from its client, type and ten-second span. */
export function getBatchName(event: OAuthEvent): string {
  const span = Math.floor(Date.parse(event.occurred_at) / BATCH_ITEM_SPAN_MS);
  return JSON.stringify([event.oauth_client_id, event.event_type, span]);
}

const fitsBatchItem = (event: OAuthEvent) =>
  Buffer.byteLength(JSON.stringify(event)) <= MAX_BATCHED_BYTES;

const newestFirst = (a: OAuthEvent, b: OAuthEvent) => (getSortKey(a) < getSortKey(b) ? 1 : -1);

/**
 * Returns the key of the batch item whose newest event has this key. Event keys are unique, so batch item keys are too.
 */
const getBatchItemKey = ({ subject_shard, occurred_at_id }: EventKey): EventKey => ({
  subject_shard: `batch:${subject_shard}`,
  occurred_at_id,
});

/** Returns a batch item for events that have the same `getBatchName`. */
function toBatchItem(
  events: readonly OAuthEvent[],
  config: StorageConfig,
  nowMs: number,
): EventItem {
  const sorted = events.toSorted(newestFirst);
  const [newest, oldest] = [sorted[0], sorted.at(-1)] as [OAuthEvent, OAuthEvent];
  const packed = sorted.map(
    ({ id, occurred_at, user_id, event_data }): BatchedEvent => ({
      id,
      occurred_at,
      user_id,
      event_data,
    }),
  );
  return {
    ...getBatchItemKey(eventKey(newest)),
    event_type: newest.event_type,
    oauth_client_id: newest.oauth_client_id,
    occurred_at: oldest.occurred_at,
    event_count: events.length,
    events: brotliCompressSync(JSON.stringify(packed), {
      params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY },
    }),
    ...getLifetime(newest.event_type, config, nowMs),
    ...listingKeys(newest, config),
  };
}

/**
 * Returns the items for events that are stored together: one item per event, and a batch item for each group of two or
 * more. An event without a group is listed individually.
 */
export function toEventItems(
  events: readonly OAuthEvent[],
  config: StorageConfig,
  nowMs: number,
): { readonly items: EventItem[]; readonly batchItems: EventItem[] } {
  const groups = new Map<string, OAuthEvent[]>();
  for (const event of events.filter(fitsBatchItem)) {
    const key = getBatchName(event);
    groups.set(key, [...(groups.get(key) ?? []), event]);
  }
  const packed = [...groups.values()].filter(({ length }) => length > 1);
  const inBatchItem = new Set(packed.flat());
  return {
    items: events.map((event) => toEventItem(event, config, nowMs, !inBatchItem.has(event))),
    batchItems: packed.map((group) => toBatchItem(group, config, nowMs)),
  };
}

/** Whether an index item is a batch item. */
export function isBatchItem(item: Record<string, unknown>): boolean {
  return item.event_count !== undefined;
}

/** Returns a batch item's events, newest first. */
function unpack(item: Record<string, unknown>): StoredEvent[] {
  const { events, ...shared } = batchItemSchema.parse(item);
  const packed = JSON.parse(brotliDecompressSync(events).toString()) as BatchedEvent[];
  return packed.map((event) => storedEventSchema.parse({ ...shared, ...event }));
}

/** Returns the table key of an item that an index lists. */
const keyOfListed = (item: Record<string, unknown>): EventKey => ({
  subject_shard: String(item.subject_shard),
  occurred_at_id: String(item.occurred_at_id),
});

/** Returns a unique name for a batch item. */
export const getBatchItemName = (item: Record<string, unknown>): string =>
  `${item.subject_shard}\n${item.occurred_at_id}`;

/**
 * Reads the batch items that an index lists, and returns their events by batch item name. Deleted batch items are
 * absent.
 */
export async function readBatchItems(
  { db, eventsTable }: { readonly db: DocumentClient; readonly eventsTable: string },
  listed: readonly Record<string, unknown>[],
): Promise<Map<string, StoredEvent[]>> {
  const items = await batchGetAll(db, eventsTable, listed.map(keyOfListed));
  return new Map(items.map((item) => [getBatchItemName(item), unpack(item)]));
}

/** Returns the keys of the events that index items list, and the keys of any batch items. */
export async function keysOfListed(
  store: { readonly db: DocumentClient; readonly eventsTable: string },
  listed: readonly Record<string, unknown>[],
): Promise<{ readonly counted: EventKey[]; readonly uncounted: EventKey[] }> {
  const batchItems = listed.filter(isBatchItem);
  const events = [...(await readBatchItems(store, batchItems)).values()].flat();
  return {
    counted: [
      ...listed.filter((item) => !isBatchItem(item)).map(keyOfListed),
      ...events.map((event) => eventKey(event as OAuthEvent)),
    ],
    uncounted: batchItems.map(keyOfListed),
  };
}
