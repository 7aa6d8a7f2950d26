import { setTimeout as realTime } from "node:timers/promises";
import { type CancellationReason, TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import { TransactWriteCommand } from "@aws-sdk/lib-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { retentionDays } from "../config/event-retention.ts";
import { type Clock, DAY_MS } from "../core/clock.ts";
import { shardOf } from "../core/shards.ts";
import { type OAuthEvent, tokenIdOf } from "../events/oauth-event.ts";
import { recordClientUse } from "../tokens/record-client-use.ts";
import { enterCounterShards } from "./counter-shards.ts";
import { CounterSpread } from "./counter-spread.ts";
import { CounterUpdates } from "./counter-updates.ts";
import { type EventNews, NO_NEWS } from "./counts-of-event.ts";
import {
  byCounters,
  type EventStore,
  type EventWrites,
  eventPuts,
  type KnownIssuances,
  planEventWrites,
  putsOfEvent,
  takeTransactions,
} from "./event-writes.ts";
import { findIssuances } from "./find-issuances.ts";
import { enterAgents } from "./first-agents.ts";
import { enterPlaces } from "./first-places.ts";
import { issuanceSchema, lifetimeClass, tokenFact } from "./issuance.ts";
import { type EnteredValues, enterValues, userOfToken, type ValueInUse } from "./values-in-use.ts";

/** What became of each event. */
export interface StoreOutcome {
  /** Stored and counted now. */
  readonly stored: OAuthEvent[];
  /** Stored and counted before; nothing changed. */
  readonly duplicates: OAuthEvent[];
  /** The store will never take these. */
  readonly rejected: { readonly event: OAuthEvent; readonly reason: string }[];
  /** Not stored now; deliver them again. */
  readonly retry: { readonly event: OAuthEvent; readonly reason: string }[];
}

export interface StoreEventsOptions {
  readonly clock: Clock;
  /** Kept by the caller from call to call. */
  readonly entered: EnteredValues;
  /** Likewise; without it, each call begins with the spread of quiet times. */
  readonly spread?: CounterSpread;
  /** Attempts of a transaction that the store is too busy for; default 10. */
  readonly maxAttempts?: number;
  /** First wait between attempts, doubled up to a second and jittered; default 20 ms. */
  readonly retryDelayMs?: number;
  /** When attempts end, epoch milliseconds; never by default. */
  readonly deadlineMs?: number;
  /** Waits between attempts; real time by default. */
  readonly wait?: (ms: number) => Promise<unknown>;
}

/**
 * Stores events and counts them, each once: an event, the counters it raises and the fact of its token
 * are one transaction, on the condition that the event is new. Redelivery, in whole or in part, changes
 * nothing; an event is never stored uncounted, nor counted unstored.
 *
 * Cost: 2 write units per KB for each event (a transaction's price) and 1 for its address, where it has
 * a user or token as well; 2 per KB and 3 for each pack. Up to a hundred items a round trip, counters and
 * packs shared by all events in it, and as many round trips at once as counters have shards.
 */
export async function storeEvents(
  store: EventStore,
  events: readonly OAuthEvent[],
  options: StoreEventsOptions,
): Promise<StoreOutcome> {
  const outcome: StoreOutcome = { stored: [], duplicates: [], rejected: [], retry: [] };
  let waiting: readonly OAuthEvent[] = byCounters([
    ...new Map(events.map((event) => [event.id, event])).values(),
  ]);
  let writer: EventWriter;
  try {
    const known = await findIssuances(
      store,
      waiting.flatMap((event) => {
        const fact = tokenFact(event);
        return fact?.revokedAt ? [fact.tokenId] : [];
      }),
    );
    writer = new EventWriter(store, options, known, outcome, waiting[0]?.id ?? "");
    await writer.enterValues(waiting);
  } catch (error) {
    const reason = String(error);
    outcome.retry.push(...waiting.map((event) => ({ event, reason })));
    return outcome;
  }
  while (waiting.length > 0 && !writer.isOverdue()) {
    const { transactions, rest } = takeTransactions(
      waiting,
      (event) => writer.plan(event),
      store.config.shards.counters.write,
      putsOfEvent(store),
    );
    await Promise.all(transactions.map((planned, lane) => writer.settle(planned, lane)));
    waiting = rest;
  }
  outcome.retry.push(...waiting.map((event) => ({ event, reason: "no time was left" })));
  await recordClients(store, outcome);
  return outcome;
}

/** Between two attempts. */
const LONGEST_WAIT_MS = 1000;

class EventWriter {
  readonly #nowMs: number;
  readonly #spread: CounterSpread;
  #news: ReadonlyMap<string, EventNews> = new Map();

  constructor(
    private readonly store: EventStore,
    private readonly options: StoreEventsOptions,
    private readonly known: KnownIssuances,
    private readonly outcome: StoreOutcome,
    private readonly firstId: string,
  ) {
    this.#nowMs = options.clock();
    this.#spread = options.spread ?? new CounterSpread(store.config.shards.counters.write);
  }

  isOverdue(): boolean {
    return this.options.clock() >= (this.options.deadlineMs ?? Number.POSITIVE_INFINITY);
  }

  plan(event: OAuthEvent): EventWrites {
    return planEventWrites(this.store, event, this.known, this.#news.get(event.id));
  }

  /**
   * Readers must know of a retention period, of a lifetime, and of the user under whom a token's events
   * are filed before anything is stored under it. The user agents and places of before say what is new about an event.
   */
  async enterValues(events: readonly OAuthEvent[]): Promise<void> {
    const { store, options } = this;
    const values = events.flatMap((event): ValueInUse[] => {
      const days = retentionDays(store.config, event.event_type);
      const untilMs = this.#nowMs + days * DAY_MS;
      const issued = tokenFact(event)?.issued;
      const tokenId = tokenIdOf(event);
      return [
        { kind: "retention_days", value: String(days), untilMs },
        ...(issued
          ? [
              {
                kind: "token_lifetime" as const,
                value: lifetimeClass(issued.at, issued.expiresAt),
                untilMs: Date.parse(issued.expiresAt),
              },
            ]
          : []),
        ...(tokenId !== undefined && event.user_id !== undefined
          ? [{ kind: userOfToken(tokenId), value: event.user_id, untilMs }]
          : []),
      ];
    });
    await enterValues(store, options.entered, values);
    const [agents, elsewhere] = await Promise.all([
      enterAgents(store, options.entered, events),
      enterPlaces(store, options.entered, events),
    ]);
    this.#news = new Map(
      [...agents.keys(), ...elsewhere].map((id) => [
        id,
        { ...NO_NEWS, ...agents.get(id), isElsewhere: elsewhere.has(id) },
      ]),
    );
  }

  /**
   * Brings a transaction's events to an outcome, whatever the store answers.
   *
   * @param planned what the transaction writes
   * @param lane tells apart those that are under way at once
   */
  async settle(planned: readonly EventWrites[], lane: number): Promise<void> {
    const { maxAttempts = 10, retryDelayMs = 20, wait = realTime } = this.options;
    let writes = planned;
    let failures = 0;
    let reason = "";
    // A round either settles an event, learns of a token, or counts as a failure: the sum is bounded.
    for (let round = 0; writes.length > 0 && round < maxAttempts + 3 * planned.length; round += 1) {
      try {
        await this.#write(writes, lane, round);
        this.#spread.succeeded();
        this.outcome.stored.push(...writes.map(({ event }) => event));
        return;
      } catch (error) {
        if (error instanceof TransactionCanceledException) {
          const before = writes.length;
          const learned = this.#learn(writes, error.CancellationReasons ?? []);
          writes = writes
            .filter(({ event }) => !learned.settled.has(event))
            .map(({ event }) => this.plan(event));
          if (writes.length < before || learned.issuances > 0) continue;
          reason = learned.reason;
          if (learned.conflict) this.#spread.conflicted();
        } else {
          reason = String(error);
          const refused = error instanceof Error && error.name === "ValidationException";
          if (writes.length > 1 && (refused || !wasSent(error))) {
            await this.#halve(writes, lane);
            return;
          }
          if (refused) {
            reason = `the store refuses the event: ${error.message}`;
            for (const { event } of writes) this.outcome.rejected.push({ event, reason });
            return;
          }
          break;
        }
      }
      failures += 1;
      if (failures >= maxAttempts || this.isOverdue()) break;
      const waitMs = Math.min(LONGEST_WAIT_MS, retryDelayMs * 2 ** failures);
      await wait(waitMs * (0.5 + Math.random()));
    }
    this.outcome.retry.push(...writes.map(({ event }) => ({ event, reason })));
  }

  /** Those under way at once write different shards; one that is tried again parts from whom it met. */
  #shard(lane: number, round: number, shards: number): number {
    if (round > 0) return shardOf(`${this.firstId} ${lane} ${round}`, shards);
    return (shardOf(this.firstId, shards) + lane) % shards;
  }

  async #write(writes: readonly EventWrites[], lane: number, round: number): Promise<void> {
    const { store, options } = this;
    const { shards } = this.#spread;
    const counters = new CounterUpdates(this.#shard(lane, round, shards));
    for (const each of writes) counters.add(each.counts);
    const atMs = writes.flatMap(({ counts }) => counts.map((count) => count.atMs));
    await enterCounterShards(store, options.entered, atMs, shards);
    const events = writes.map(({ event }) => event);
    const { items, packs } = eventPuts(store, events, this.#nowMs);
    await store.db.send(
      new TransactWriteCommand({
        TransactItems: [
          ...items,
          ...writes.flatMap((each) => (each.issuance ? [each.issuance.write] : [])),
          ...packs,
          ...counters.toTransactItems(store.countersTable, store.config.retention.statisticsDays),
        ],
      }),
    );
    for (const { issuance } of writes) {
      if (issuance) this.known.set(issuance.tokenId, issuance.after);
    }
  }

  /** Reads why a transaction was cancelled, item by item in the order of `#write`. */
  #learn(writes: readonly EventWrites[], reasons: readonly CancellationReason[]) {
    const settled = new Set<OAuthEvent>();
    let issuances = 0;
    let reason = "the transaction was cancelled";
    const puts = putsOfEvent(this.store);
    for (const [index, { event }] of writes.entries()) {
      const own = reasons.slice(index * puts, (index + 1) * puts);
      const { Code, Message } = own.find((each) => each.Code !== "None") ?? {};
      if (Code === "ConditionalCheckFailed") {
        this.outcome.duplicates.push(event);
        settled.add(event);
      } else if (Code === "ValidationError") {
        this.outcome.rejected.push({ event, reason: `the store refuses the event: ${Message}` });
        settled.add(event);
      }
    }
    const tokens = writes.flatMap((each) => (each.issuance ? [each.issuance.tokenId] : []));
    for (const [index, tokenId] of tokens.entries()) {
      const { Code, Item } = reasons[writes.length * puts + index] ?? {};
      if (Code !== "ConditionalCheckFailed") continue;
      issuances += 1;
      if (Item) this.known.set(tokenId, issuanceSchema.parse(unmarshall(Item)));
      else this.known.delete(tokenId);
    }
    const busy = reasons.find(({ Code }) => Code !== "None" && Code !== "ConditionalCheckFailed");
    if (busy) reason = `${busy.Code}: ${busy.Message ?? ""}`;
    return { settled, issuances, reason, conflict: busy?.Code === "TransactionConflict" };
  }

  /** The fault is in the call: one event must not hold the others back. */
  async #halve(writes: readonly EventWrites[], lane: number): Promise<void> {
    const middle = Math.ceil(writes.length / 2);
    await this.settle(writes.slice(0, middle), lane);
    await this.settle(writes.slice(middle), lane);
  }
}

/** Whether the SDK came so far as to send the call: it then says how often it tried. */
function wasSent(error: unknown): boolean {
  return error instanceof Error && "$metadata" in error;
}

/** Moves the clients' last use forward; events whose client could not be written are retried whole. */
async function recordClients(store: EventStore, outcome: StoreOutcome): Promise<void> {
  const used = new Map<string, OAuthEvent>();
  for (const event of [...outcome.stored, ...outcome.duplicates]) {
    const clientId = event.oauth_client_id;
    if (event.event_type !== "token_used" || clientId === undefined) continue;
    const latest = used.get(clientId);
    if (!latest || latest.occurred_at < event.occurred_at) used.set(clientId, event);
  }
  await Promise.all(
    [...used].map(async ([clientId, event]) => {
      try {
        await recordClientUse(store, clientId, event.occurred_at);
      } catch (error) {
        outcome.retry.push({ event, reason: `the client's last use: ${String(error)}` });
      }
    }),
  );
}
