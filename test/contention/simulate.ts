import { returnAfterSeconds } from "../../functions/subscriber/failed-messages.ts";
import { Random } from "../../local/traffic/world/random.ts";
import { CounterShardCount } from "../../shared/audit-log/counter-shard-count.ts";
import type { EventStore } from "../../shared/audit-log/event-writes.ts";
import { storeEvents } from "../../shared/audit-log/store-events.ts";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { SECOND_MS } from "../../shared/core/clock.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { ContendedTables } from "./contended-tables.ts";
import { VirtualTime } from "./virtual-time.ts";

/** Events that arrive at a rate, and the subscribers that store them. */
export interface Load {
  readonly eventsPerSecond: number;
  readonly subscribers: number;
  readonly seconds: number;
  /** Creates the n-th event. */
  readonly event: (n: number, atMs: number, random: Random) => OAuthEvent;
}

/** The result of simulating a load. */
export interface Contention {
  readonly transactions: number;
  /** Transactions that conflicted with another one. */
  readonly cancelled: number;
  readonly stored: number;
  /** Number of times that an event was returned to the queue. */
  readonly returned: number;
  /** Number of queued events at the end. */
  readonly behind: number;
  /** 95th percentile of a batch's duration, in milliseconds. */
  readonly batchMs: number;
}

const BATCH = 500;
const WINDOW_MS = SECOND_MS;
const START_MS = Date.parse("2026-11-23T10:20:00.000Z");

/** Poll interval of a subscriber when the queue is empty. */
const POLL_MS = 20;

/** Stores a load with the subscriber's own code, in virtual time. */
export async function simulate(load: Load): Promise<Contention> {
  const time = new VirtualTime(START_MS);
  const random = new Random(1, "contention");
  const tables = new ContendedTables(time.wait, () => random.fraction());
  const store: EventStore = {
    db: tables.db,
    eventsTable: "EVENTS_TABLE",
    countersTable: "COUNTERS_TABLE",
    issuancesTable: "ISSUANCES_TABLE",
    clientsTable: "CLIENTS_TABLE",
    config: parseMonitoringConfig({}),
  };
  const queue: OAuthEvent[] = [];
  const batchesMs: number[] = [];
  const endMs = START_MS + load.seconds * SECOND_MS;
  let stored = 0;
  let returned = 0;

  async function arrive(): Promise<void> {
    for (let n = 0; time.clock() < endMs; n += 1) {
      queue.push(load.event(n, time.clock(), random));
      await time.wait(random.wait(SECOND_MS / load.eventsPerSecond));
    }
  }

  /**
   * Gathers a batch as Lambda's pollers do, until it is full or until the batching window that starts at its first
   * message ends.
   */
  async function gather(): Promise<OAuthEvent[]> {
    const batch: OAuthEvent[] = [];
    let untilMs = Number.POSITIVE_INFINITY;
    while (batch.length < BATCH && time.clock() < untilMs) {
      const received = queue.splice(0, 10);
      if (received.length === 0) await time.wait(POLL_MS * (0.5 + random.fraction()));
      if (batch.length === 0 && received.length > 0) untilMs = time.clock() + WINDOW_MS;
      batch.push(...received);
      if (received.length > 0) await time.wait(4 + 4 * random.fraction());
    }
    return batch;
  }

  async function giveBack(event: OAuthEvent): Promise<void> {
    returned += 1;
    await time.wait(returnAfterSeconds(1, () => random.fraction()) * SECOND_MS);
    queue.push(event);
  }

  async function subscribe(): Promise<void> {
    const memory = {
      clock: time.clock,
      wait: time.wait,
      registered: new Map(),
      spread: new CounterShardCount(store.config.shards.counters.write),
    };
    for (;;) {
      const batch = await gather();
      const startedMs = time.clock();
      const outcome = await storeEvents(store, batch, memory);
      batchesMs.push(time.clock() - startedMs);
      stored += outcome.stored.length;
      for (const { event } of outcome.retry) void giveBack(event);
    }
  }

  void arrive();
  for (let n = 0; n < load.subscribers; n += 1) void subscribe();
  await time.runUntil(endMs);
  batchesMs.sort((a, b) => a - b);
  return {
    transactions: tables.transactions,
    cancelled: tables.cancelled,
    stored,
    returned,
    behind: queue.length,
    batchMs: batchesMs[Math.floor(batchesMs.length * 0.95)] ?? 0,
  };
}
