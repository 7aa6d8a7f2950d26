import type { TransactWriteCommandInput } from "@aws-sdk/lib-dynamodb";
import type { Count } from "../statistics/counter-keys.ts";
import { CounterUpdates } from "../statistics/counter-updates.ts";
import { countsOfEvent } from "../statistics/counts-of-event.ts";
import { type Issuance, planIssuanceChange, tokenFact } from "../statistics/issuance.ts";
import type { IssuanceStore } from "../statistics/statistics-store.ts";
import type { OAuthEvent } from "./oauth-event.ts";
import { toEventItem } from "./stored-event.ts";

type TransactItem = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];

/** TransactWriteItems takes a hundred items and 4 MB. */
const MAX_ITEMS = 100;
const MAX_BYTES = 3 * 1024 * 1024;

/** Where events, their counters and the facts of tokens are kept. */
export interface EventStore extends IssuanceStore {
  readonly eventsTable: string;
  readonly clientsTable: string;
}

/** What storing one event writes, and what it counts. */
export interface EventWrites {
  readonly event: OAuthEvent;
  readonly put: TransactItem;
  readonly issuance?: {
    readonly tokenId: string;
    readonly write: TransactItem;
    readonly after: Issuance;
  };
  readonly counts: readonly Count[];
}

/** What is known of the tokens that a batch speaks of. */
export type KnownIssuances = Map<string, Issuance>;

/** Plans one event's writes upon what is known of its token. */
export function planEventWrites(
  store: EventStore,
  event: OAuthEvent,
  known: KnownIssuances,
  nowMs: number,
): EventWrites {
  const fact = tokenFact(event);
  const change =
    fact && planIssuanceChange(known.get(fact.tokenId), fact, store.issuancesTable, store.config);
  return {
    event,
    put: {
      Put: {
        TableName: store.eventsTable,
        Item: toEventItem(event, store.config, nowMs),
        ConditionExpression: "attribute_not_exists(id)",
      },
    },
    ...(fact &&
      change && {
        issuance: { tokenId: fact.tokenId, write: change.write, after: change.after },
      }),
    counts: [...countsOfEvent(event), ...(change?.counts ?? [])],
  };
}

/**
 * Takes from the front of `events` what fits one transaction. An event about a token that the
 * transaction already writes waits for a later one, since an item may be written once in each.
 */
export function takeTransaction(
  events: readonly OAuthEvent[],
  plan: (event: OAuthEvent) => EventWrites,
): { taken: OAuthEvent[]; rest: OAuthEvent[] } {
  const counters = new CounterUpdates(0);
  const tokens = new Set<string>();
  const taken: OAuthEvent[] = [];
  const rest: OAuthEvent[] = [];
  let items = 0;
  let bytes = 0;
  let full = false;
  for (const event of events) {
    const writes: EventWrites | undefined = full ? undefined : plan(event);
    const tokenId = tokenFact(event)?.tokenId;
    if (!writes || (tokenId !== undefined && tokens.has(tokenId))) {
      rest.push(event);
      continue;
    }
    const size = Buffer.byteLength(JSON.stringify(event)) + 1024;
    const more: number = 1 + (writes.issuance ? 1 : 0);
    full =
      items + more + counters.size + counters.growth(writes.counts) > MAX_ITEMS ||
      (taken.length > 0 && bytes + size > MAX_BYTES);
    if (full) {
      rest.push(event);
      continue;
    }
    counters.add(writes.counts);
    if (tokenId !== undefined) tokens.add(tokenId);
    items += more;
    bytes += size;
    taken.push(event);
  }
  return { taken, rest };
}
