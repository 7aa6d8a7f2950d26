import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import * as z from "zod";
import { batchGetAll } from "../core/batch-get-all.ts";
import { SECOND_MS } from "../core/clock.ts";
import type { DocumentClient } from "../core/document-client.ts";
import type { OAuthEvent } from "../events/oauth-event.ts";
import { type EventKey, eventKey, placeOf } from "./event-key.ts";
import {
  type EventItem,
  lifeOf,
  listingKeys,
  type StorageConfig,
  type StoredEvent,
  storedEventSchema,
  toEventItem,
} from "./stored-event.ts";

/** Events of a pack occurred within the same ten seconds, so that a reader knows how far to look for them. */
export const PACK_SPAN_MS = 10 * SECOND_MS;

/**
 * A pack is one compressed item with copies of the events of a client and type that are stored together.
 * The indexes by time, type and client list the pack in place of its events: an index entry for each
 * event would be most of the price of storing it.
 *
 * | attribute | holds |
 * | --- | --- |
 * | `subject_shard` | `pack:` and the same of its newest event |
 * | `occurred_at_id` | the place of its newest event |
 * | `occurred_at` | when its oldest event occurred |
 * | `event_count` | how many events it has |
 * | `events` | the events, newest first: JSON, compressed with Brotli; in no index |
 */
const packSchema = storedEventSchema
  .omit({ id: true, occurred_at: true, event_data: true })
  .extend({
    events: z.instanceof(Uint8Array),
  });

/** A larger event is listed by itself, so that a pack stays far below DynamoDB's 400 KB. */
const MAX_PACKED_BYTES = 2048;

/** Of a hundred events of a few hundred bytes; higher qualities take longer and save little. */
const QUALITY = 5;

/** What a pack keeps of each event; type and client are the pack's. */
type PackedEvent = Pick<OAuthEvent, "id" | "occurred_at" | "user_id" | "event_data">;

/** Which pack an event goes into: that of its client, its type and ten seconds. */
export function packOf(event: OAuthEvent): string {
  const span = Math.floor(Date.parse(event.occurred_at) / PACK_SPAN_MS);
  return JSON.stringify([event.oauth_client_id, event.event_type, span]);
}

const fitsPack = (event: OAuthEvent) =>
  Buffer.byteLength(JSON.stringify(event)) <= MAX_PACKED_BYTES;

const newestFirst = (a: OAuthEvent, b: OAuthEvent) => (placeOf(a) < placeOf(b) ? 1 : -1);

/** The key of the pack with this newest event: as unique as the event's own. */
const keyOfPack = ({ subject_shard, occurred_at_id }: EventKey): EventKey => ({
  subject_shard: `pack:${subject_shard}`,
  occurred_at_id,
});

/** The pack of events that share `packOf`. */
function toPack(events: readonly OAuthEvent[], config: StorageConfig, nowMs: number): EventItem {
  const sorted = events.toSorted(newestFirst);
  const [newest, oldest] = [sorted[0], sorted.at(-1)] as [OAuthEvent, OAuthEvent];
  const packed = sorted.map(
    ({ id, occurred_at, user_id, event_data }): PackedEvent => ({
      id,
      occurred_at,
      user_id,
      event_data,
    }),
  );
  return {
    ...keyOfPack(eventKey(newest)),
    event_type: newest.event_type,
    oauth_client_id: newest.oauth_client_id,
    occurred_at: oldest.occurred_at,
    event_count: events.length,
    events: brotliCompressSync(JSON.stringify(packed), {
      params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY },
    }),
    ...lifeOf(newest.event_type, config, nowMs),
    ...listingKeys(newest, config),
  };
}

/**
 * The items of events that are stored together: one each, and a pack where several are of one client
 * and type. An event alone is listed by itself.
 */
export function toEventItems(
  events: readonly OAuthEvent[],
  config: StorageConfig,
  nowMs: number,
): { readonly items: EventItem[]; readonly packs: EventItem[] } {
  const groups = new Map<string, OAuthEvent[]>();
  for (const event of events.filter(fitsPack)) {
    const key = packOf(event);
    groups.set(key, [...(groups.get(key) ?? []), event]);
  }
  const packed = [...groups.values()].filter(({ length }) => length > 1);
  const inPack = new Set(packed.flat());
  return {
    items: events.map((event) => toEventItem(event, config, nowMs, !inPack.has(event))),
    packs: packed.map((group) => toPack(group, config, nowMs)),
  };
}

/** Whether an item, as an index lists it, is a pack. */
export function isPack(item: Record<string, unknown>): boolean {
  return item.event_count !== undefined;
}

/** The events of a pack, newest first. */
function unpack(item: Record<string, unknown>): StoredEvent[] {
  const { events, ...shared } = packSchema.parse(item);
  const packed = JSON.parse(brotliDecompressSync(events).toString()) as PackedEvent[];
  return packed.map((event) => storedEventSchema.parse({ ...shared, ...event }));
}

/** The keys by which items of an index are found in the table. */
const keyOfListed = (item: Record<string, unknown>): EventKey => ({
  subject_shard: String(item.subject_shard),
  occurred_at_id: String(item.occurred_at_id),
});

/** Tells packs apart. */
export const nameOfPack = (item: Record<string, unknown>): string =>
  `${item.subject_shard}\n${item.occurred_at_id}`;

/** Reads the packs that an index lists, by the name of each; one that is gone by now is absent. */
export async function readPacks(
  { db, eventsTable }: { readonly db: DocumentClient; readonly eventsTable: string },
  listed: readonly Record<string, unknown>[],
): Promise<Map<string, StoredEvent[]>> {
  const items = await batchGetAll(db, eventsTable, listed.map(keyOfListed));
  return new Map(items.map((item) => [nameOfPack(item), unpack(item)]));
}

/** The keys of the events that items of an index stand for, and those of the packs among them. */
export async function keysOfListed(
  store: { readonly db: DocumentClient; readonly eventsTable: string },
  listed: readonly Record<string, unknown>[],
): Promise<{ readonly counted: EventKey[]; readonly uncounted: EventKey[] }> {
  const packs = listed.filter(isPack);
  const events = [...(await readPacks(store, packs)).values()].flat();
  return {
    counted: [
      ...listed.filter((item) => !isPack(item)).map(keyOfListed),
      ...events.map((event) => eventKey(event as OAuthEvent)),
    ],
    uncounted: packs.map(keyOfListed),
  };
}
