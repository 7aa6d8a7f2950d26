import { setTimeout as realTime } from "node:timers/promises";
import { type CancellationReason, TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import { TransactWriteCommand } from "@aws-sdk/lib-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { retentionDays } from "../config/event-retention.ts";
import { type Clock, DAY_MS } from "../core/clock.ts";
import { computeShard } from "../core/document-client.ts";
import { getTokenId, type OAuthEvent } from "../events/oauth-event.ts";
import { recordClientUse } from "../tokens/oauth-client.ts";
import { CounterShardCount } from "./counter-shard-count.ts";
import { registerCounterShards } from "./counter-shards.ts";
import { CounterUpdates } from "./counter-updates.ts";
import { type EventNovelty, NO_NOVELTY } from "./event-counts.ts";
import {
  byCounters,
  type EventStore,
  type EventWrites,
  eventPuts,
  type KnownIssuances,
  planEventWrites,
  takeTransactions,
} from "./event-writes.ts";
import { findIssuances } from "./find-issuances.ts";
import { registerAgents } from "./first-agents.ts";
import { registerLocations } from "./first-locations.ts";
import { issuanceSchema, lifetimeClass, tokenFact } from "./issuance.ts";
import {
  type RegisteredValues,
  registerValues,
  userOfToken,
  type ValueInUse,
} from "./values-in-use.ts";

/** The outcome for each event. */
export interface StoreOutcome {
  /** Events that were newly stored and counted. */
  readonly stored: OAuthEvent[];
  /** Events that were already stored and counted. Nothing changed. */
  readonly duplicates: OAuthEvent[];
  /** Events that DynamoDB permanently rejects. */
  readonly rejected: { readonly event: OAuthEvent; readonly reason: string }[];
  /** Events that aren't stored yet. Deliver them again. */
  readonly retry: { readonly event: OAuthEvent; readonly reason: string }[];
}

export interface StoreEventsOptions {
  readonly clock: Clock;
  /** Values that are already registered. The caller keeps this map between calls. */
  readonly registered: RegisteredValues;
  /** Current counter shard count. The caller keeps this object between calls. Defaults to the configured minimum. */
  readonly shardCount?: CounterShardCount;
  /** Maximum attempts per transaction while DynamoDB is busy. @default 10 */
  readonly maxAttempts?: number;
  /** Delay before the second attempt, in milliseconds. Doubles up to one second, with jitter. @default 20 */
  readonly retryDelayMs?: number;
  /** No attempt starts after this time, in epoch milliseconds. Defaults to no deadline. */
  readonly deadlineMs?: number;
  /** Delay function. Defaults to a real timer. */
  readonly wait?: (ms: number) => Promise<unknown>;
}

/**
 * Stores and counts each event exactly once. One transaction writes the event, the counters and the token's issuance
 * record, on the condition that the event is new. Redelivery therefore changes nothing, and no event is stored without
 * being counted or counted without being stored.
 *
 * Cost: each event costs 2 write units per KB (transactional), plus 1 for the address index if the event also has a
 * user or token. Each batch item costs 2 write units per KB, plus 3. One round trip writes up to 100 items, and the
 * events in it share counters and batch items. Round trips run concurrently, up to one per counter shard.
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
    await writer.registerValues(waiting);
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
    );
    await Promise.all(transactions.map((planned, lane) => writer.settle(planned, lane)));
    waiting = rest;
  }
  outcome.retry.push(...waiting.map((event) => ({ event, reason: "the deadline passed" })));
  await recordClients(store, outcome);
  return outcome;
}

/** Maximum delay between two attempts, in milliseconds. */
const LONGEST_WAIT_MS = 1000;

class EventWriter {
  readonly #nowMs: number;
  readonly #shardCount: CounterShardCount;
  #novelty: ReadonlyMap<string, EventNovelty> = new Map();

  constructor(
    private readonly store: EventStore,
    private readonly options: StoreEventsOptions,
    private readonly known: KnownIssuances,
    private readonly outcome: StoreOutcome,
    private readonly firstId: string,
  ) {
    this.#nowMs = options.clock();
    this.#shardCount =
      options.shardCount ?? new CounterShardCount(store.config.shards.counters.write);
  }

  isOverdue(): boolean {
    return this.options.clock() >= (this.options.deadlineMs ?? Number.POSITIVE_INFINITY);
  }

  plan(event: OAuthEvent): EventWrites {
    return planEventWrites(this.store, event, this.known, this.#novelty.get(event.id));
  }

  /**
   * Registers each retention period, token lifetime and token user before storing anything that uses them, because
   * readers need these values to find events. Also reads the known user agents and locations to find out what is new.
   */
  async registerValues(events: readonly OAuthEvent[]): Promise<void> {
    const { store, options } = this;
    const values = events.flatMap((event): ValueInUse[] => {
      const days = retentionDays(store.config, event.event_type);
      const untilMs = this.#nowMs + days * DAY_MS;
      const issued = tokenFact(event)?.issued;
      const tokenId = getTokenId(event);
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
    await registerValues(store, options.registered, values);
    const [agents, elsewhere] = await Promise.all([
      registerAgents(store, options.registered, events),
      registerLocations(store, options.registered, events),
    ]);
    this.#novelty = new Map(
      [...agents.keys(), ...elsewhere].map((id) => [
        id,
        { ...NO_NOVELTY, ...agents.get(id), isElsewhere: elsewhere.has(id) },
      ]),
    );
  }

  /**
   * Writes one transaction and adds its events to the outcome.
   *
   * @param planned writes that form the transaction
   * @param lane number that distinguishes concurrent transactions
   */
  async settle(planned: readonly EventWrites[], lane: number): Promise<void> {
    const { maxAttempts = 10, retryDelayMs = 20, wait = realTime } = this.options;
    let writes = planned;
    let failures = 0;
    let reason = "";
    // Each round settles an event, reads a token's record or counts as a failure, so the loop ends.
    for (let round = 0; writes.length > 0 && round < maxAttempts + 3 * planned.length; round += 1) {
      try {
        await this.#write(writes, lane, round);
        this.#shardCount.succeeded();
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
          if (learned.conflict) this.#shardCount.conflicted();
        } else {
          reason = String(error);
          const rejected = error instanceof Error && error.name === "ValidationException";
          if (writes.length > 1 && (rejected || !wasSent(error))) {
            await this.#halve(writes, lane);
            return;
          }
          if (rejected) {
            reason = `DynamoDB rejects the event: ${error.message}`;
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

  /**
   * Returns the shard to write to. Concurrent transactions use different shards. A retry picks a different shard to
   * avoid the conflict.
   */
  #shard(lane: number, round: number, shards: number): number {
    if (round > 0) return computeShard(`${this.firstId} ${lane} ${round}`, shards);
    return (computeShard(this.firstId, shards) + lane) % shards;
  }

  async #write(writes: readonly EventWrites[], lane: number, round: number): Promise<void> {
    const { store, options } = this;
    const { shards } = this.#shardCount;
    const counters = new CounterUpdates(this.#shard(lane, round, shards));
    for (const each of writes) counters.add(each.counts);
    const atMs = writes.flatMap(({ counts }) => counts.map((count) => count.atMs));
    await registerCounterShards(store, options.registered, atMs, shards);
    const events = writes.map(({ event }) => event);
    const { items, batchItems } = eventPuts(store, events, this.#nowMs);
    await store.db.send(
      new TransactWriteCommand({
        TransactItems: [
          ...items,
          ...writes.flatMap((each) => (each.issuance ? [each.issuance.write] : [])),
          ...batchItems,
          ...counters.toTransactItems(store.countersTable, store.config.retention.statisticsDays),
        ],
      }),
    );
    for (const { issuance } of writes) {
      if (issuance) this.known.set(issuance.tokenId, issuance.after);
    }
  }

  /** Handles a transaction's cancellation reasons, which come in the same order as the items in `#write`. */
  #learn(writes: readonly EventWrites[], reasons: readonly CancellationReason[]) {
    const settled = new Set<OAuthEvent>();
    let issuances = 0;
    let reason = "the transaction was cancelled";
    for (const [index, { event }] of writes.entries()) {
      const { Code, Message } = reasons[index] ?? {};
      if (Code === "ConditionalCheckFailed") {
        this.outcome.duplicates.push(event);
        settled.add(event);
      } else if (Code === "ValidationError") {
        this.outcome.rejected.push({ event, reason: `DynamoDB rejects the event: ${Message}` });
        settled.add(event);
      }
    }
    const tokens = writes.flatMap((each) => (each.issuance ? [each.issuance.tokenId] : []));
    for (const [index, tokenId] of tokens.entries()) {
      const { Code, Item } = reasons[writes.length + index] ?? {};
      if (Code !== "ConditionalCheckFailed") continue;
      issuances += 1;
      if (Item) this.known.set(tokenId, issuanceSchema.parse(unmarshall(Item)));
      else this.known.delete(tokenId);
    }
    const busy = reasons.find(({ Code }) => Code !== "None" && Code !== "ConditionalCheckFailed");
    if (busy) reason = `${busy.Code}: ${busy.Message ?? ""}`;
    return { settled, issuances, reason, conflict: busy?.Code === "TransactionConflict" };
  }

  /** Splits a transaction that DynamoDB rejects as invalid, so that one event can't block the others. */
  async #halve(writes: readonly EventWrites[], lane: number): Promise<void> {
    const middle = Math.ceil(writes.length / 2);
    await this.settle(writes.slice(0, middle), lane);
    await this.settle(writes.slice(middle), lane);
  }
}

/** Whether the SDK sent the request. If it did, the error has metadata. */
function wasSent(error: unknown): boolean {
  return error instanceof Error && "$metadata" in error;
}

/** Updates when each client was last used. If that fails, the event is delivered and processed again. */
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
        outcome.retry.push({
          event,
          reason: `failed to store the client's last use: ${String(error)}`,
        });
      }
    }),
  );
}
