import type { TransactWriteCommandInput } from "@aws-sdk/lib-dynamodb";
import type { OAuthEvent } from "../events/oauth-event.ts";
import { getBatchName, toEventItems } from "./batch-item.ts";
import type { Count } from "./counter-keys.ts";
import type { IssuanceStore } from "./counter-store.ts";
import { CounterUpdates } from "./counter-updates.ts";
import { type EventNovelty, getEventCounts } from "./event-counts.ts";
import { type Issuance, planIssuanceChange, tokenFact } from "./issuance.ts";

type TransactItem = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];

/** TransactWriteItems takes up to 100 items and 4 MB. */
const MAX_ITEMS = 100;
const MAX_BYTES = 3 * 1024 * 1024;

/** Access to events, counters, issuance records and clients. */
export interface EventStore extends IssuanceStore {
  readonly eventsTable: string;
  readonly clientsTable: string;
}

/** The writes and counts that store one event. */
export interface EventWrites {
  readonly event: OAuthEvent;
  readonly issuance?: {
    readonly tokenId: string;
    readonly write: TransactItem;
    readonly after: Issuance;
  };
  readonly counts: readonly Count[];
}

/** Issuance records of the tokens in a batch. */
export type KnownIssuances = Map<string, Issuance>;

/** Plans the writes for one event, given the known issuance records. */
export function planEventWrites(
  store: EventStore,
  event: OAuthEvent,
  known: KnownIssuances,
  novelty?: EventNovelty,
): EventWrites {
  const fact = tokenFact(event);
  const change =
    fact && planIssuanceChange(known.get(fact.tokenId), fact, store.issuancesTable, store.config);
  return {
    event,
    ...(fact &&
      change && {
        issuance: { tokenId: fact.tokenId, write: change.write, after: change.after },
      }),
    counts: [...getEventCounts(event, novelty), ...(change?.counts ?? [])],
  };
}

/**
 * Returns the writes for events that are stored together: one write per event, in the given order and on the condition
 * that the event is new, followed by the batch items.
 */
export function eventPuts(
  store: EventStore,
  events: readonly OAuthEvent[],
  nowMs: number,
): { readonly items: TransactItem[]; readonly batchItems: TransactItem[] } {
  const { items, batchItems } = toEventItems(events, store.config, nowMs);
  return {
    items: items.map((Item) => ({
      Put: {
        TableName: store.eventsTable,
        Item,
        ConditionExpression: "attribute_not_exists(subject_shard)",
      },
    })),
    batchItems: batchItems.map((Item) => ({ Put: { TableName: store.eventsTable, Item } })),
  };
}

/**
 * Sorts events so that those with the same counters are adjacent, which saves counter writes. The order of events
 * within a batch doesn't matter.
 */
export function byCounters(events: readonly OAuthEvent[]): OAuthEvent[] {
  const key = ({ oauth_client_id, event_type, event_data }: OAuthEvent) =>
    `${oauth_client_id}\n${event_type}\n${event_data.ip}`;
  return events
    .map((event) => ({ event, key: key(event) }))
    .sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)))
    .map(({ event }) => event);
}

/**
 * Takes as many events from the front as fit into `count` concurrent transactions, and plans the writes. No two
 * transactions write the same item, so a second event about a token waits for the next round.
 */
export function takeTransactions(
  events: readonly OAuthEvent[],
  plan: (event: OAuthEvent) => EventWrites,
  count: number,
): { transactions: EventWrites[][]; rest: readonly OAuthEvent[] } {
  const tokens = new Set<string>();
  const transactions: EventWrites[][] = [];
  let rest = events;
  while (transactions.length < count) {
    const next = takeTransaction(rest, plan, tokens);
    if (next.taken.length === 0) break;
    transactions.push(next.taken);
    rest = next.rest;
  }
  return { transactions, rest };
}

/**
 * Returns the events that fit into one transaction. Skips events about tokens in `tokens`, and adds the tokens that
 * this transaction writes.
 */
function takeTransaction(
  events: readonly OAuthEvent[],
  plan: (event: OAuthEvent) => EventWrites,
  tokens: Set<string>,
): { taken: EventWrites[]; rest: OAuthEvent[] } {
  const counters = new CounterUpdates(0);
  const taken: EventWrites[] = [];
  const rest: OAuthEvent[] = [];
  const batchItems = new Set<string>();
  let items = 0;
  let bytes = 0;
  let full = false;
  for (const event of events) {
    const tokenId = full ? undefined : tokenFact(event)?.tokenId;
    if (full || (tokenId !== undefined && tokens.has(tokenId))) {
      rest.push(event);
      continue;
    }
    const writes = plan(event);
    const size = Buffer.byteLength(JSON.stringify(event)) + 1024;
    const batchItem = getBatchName(event);
    const more = 1 + (writes.issuance ? 1 : 0) + (batchItems.has(batchItem) ? 0 : 1);
    full =
      items + more + counters.size + counters.growth(writes.counts) > MAX_ITEMS ||
      (taken.length > 0 && bytes + size > MAX_BYTES);
    if (full) {
      rest.push(event);
      continue;
    }
    counters.add(writes.counts);
    if (tokenId !== undefined) tokens.add(tokenId);
    batchItems.add(batchItem);
    items += more;
    bytes += size;
    taken.push(writes);
  }
  return { taken, rest };
}
