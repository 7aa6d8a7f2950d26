import { setTimeout as sleep } from "node:timers/promises";
import { startDynamoDbLocal } from "../../local/services/dynamodb-local.ts";
import { toEventItems } from "../../shared/audit-log/batch-item.ts";
import { planEventWrites } from "../../shared/audit-log/event-writes.ts";
import { storeEvents } from "../../shared/audit-log/store-events.ts";
import type { DocumentClient } from "../../shared/core/document-client.ts";
import { createEvent, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { createWorldAt, type World } from "../integration/world.ts";
import type { Benchmark } from "./benchmark.ts";
import { interleaved } from "./interleaved.ts";
import { median } from "./percentile.ts";
import { putItems } from "./put-items.ts";

/** The subscriber's default batch size. */
const BATCH = 500;
const ROUNDS = 16;
const WARM_UP = 4;
/** Added network latency: none, and the best case for a round trip within a region. */
const NETWORK_MS = [0, 5];

const DETAILS = {
  endpoint: "/api/customers/42/orders/2026-11",
  method: "GET",
  user_agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0",
  request_id: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
};

/** Creates a batch of calls by `clients` clients. */
function calls(clients: number, atMs: number): OAuthEvent[] {
  return Array.from({ length: BATCH }, (_, n) => {
    const details = {
      ...DETAILS,
      token_id: `token-${n % 100}`,
      ip: `203.0.113.${n % 250}`,
      required_scopes: ["api:read"],
      available_scopes: ["api:read", "api:write"],
      success: true,
    };
    const clientId = `client-${n % clients}`;
    return createEvent(
      { eventType: "token_used", clientId, userId: `user-${n % 100}`, details },
      atMs + n,
    );
  });
}

/** Creates a batch of failures from a flood of unknown tokens from 250 IP addresses. */
function failures(atMs: number): OAuthEvent[] {
  return Array.from({ length: BATCH }, (_, n) => {
    const details = { ...DETAILS, ip: `203.0.113.${n % 250}`, reason: "unknown_token" };
    return createEvent({ eventType: "auth_failed", details }, atMs + n);
  });
}

/** Creates a batch of tokens issued to 20 clients. */
function issuances(atMs: number): OAuthEvent[] {
  return Array.from({ length: BATCH }, (_, n) => {
    const expires_at = new Date(atMs + n + 3_600_000).toISOString();
    const details = { token_id: `issued-${atMs}-${n}`, scopes: ["api:read"], expires_at };
    return createEvent(
      { eventType: "token_issued", clientId: `client-${n % 20}`, details },
      atMs + n,
    );
  });
}

/** Counts the items that transactions and updates write. */
function countWrites(db: DocumentClient): { items: number } {
  const counted = { items: 0 };
  db.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const { TransactItems } = args.input as { TransactItems?: readonly unknown[] };
        if (TransactItems) counted.items += TransactItems.length;
        else if (commandName?.startsWith("Update") || commandName?.startsWith("Put")) {
          counted.items += 1;
        }
        return next(args);
      },
    { step: "initialize", name: "countWrites" },
  );
  return counted;
}

/** Delays every response to simulate a network. DynamoDB Local runs on the same machine. */
function delayAnswers(db: DocumentClient, ms: number): void {
  db.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      if (ms > 0) await sleep(ms);
      return result;
    },
    { step: "finalizeRequest", name: "delayAnswers" },
  );
}

/** Stores the items that readers of the audit log and of token lifetimes need, without counters or checks. */
async function putBare(world: World, events: readonly OAuthEvent[]): Promise<void> {
  const { db, eventsTable, issuancesTable, config, time } = world;
  const writes = events.map((event) => planEventWrites(world, event, new Map()));
  const { items, batchItems } = toEventItems(events, config, time.nowMs);
  await putItems(db, eventsTable, [...items, ...batchItems]);
  await putItems(
    db,
    issuancesTable,
    writes.flatMap(({ issuance }) => issuance?.write.Put?.Item ?? []),
  );
}

const BATCHES: Readonly<Record<string, (atMs: number) => OAuthEvent[]>> = {
  "calls by 1 client": (atMs) => calls(1, atMs),
  "calls by 20 clients": (atMs) => calls(20, atMs),
  "failures from 250 addresses": failures,
  "tokens issued to 20 clients": issuances,
};

async function compare(endpoint: string, load: string, networkMs: number) {
  const [counting, bare] = [await createWorldAt(endpoint), await createWorldAt(endpoint)];
  for (const { db } of [counting, bare]) delayAnswers(db, networkMs);
  const writes = countWrites(counting.db);
  const batches = Array.from(
    { length: WARM_UP + ROUNDS },
    (_, round) => BATCHES[load]?.(counting.time.nowMs + round * 1000) ?? [],
  );
  const getBatch = (round: number) => batches[round] ?? [];
  const times = await interleaved(
    {
      stored: async (round) => {
        if (round === WARM_UP) {
          counting.traffic.reset();
          writes.items = 0;
        }
        const { stored } = await storeEvents(counting, getBatch(round), counting);
        if (stored.length !== BATCH) throw new Error("not every event was stored");
      },
      bare: async (round) => {
        if (round === WARM_UP) bare.traffic.reset();
        await putBare(bare, getBatch(round));
      },
    },
    { rounds: ROUNDS, warmUp: WARM_UP },
  );
  const perSecond = (ms: readonly number[]) => Math.round((1000 * BATCH) / median(ms));
  return {
    itemsPerEvent: writes.items / (ROUNDS * BATCH),
    trips: counting.traffic.roundTrips / ROUNDS,
    bareTrips: bare.traffic.roundTrips / ROUNDS,
    perSecond: perSecond(times.stored),
    barePerSecond: perSecond(times.bare),
    ratio: median(times.stored.map((ms, round) => (times.bare[round] ?? Number.NaN) / ms)),
  };
}

/** Compares storing and counting events with only storing the same items. */
export const subscriber: Benchmark = {
  name: "subscriber",
  async run(report) {
    const store = await startDynamoDbLocal({ port: 0 });
    try {
      const rows: (string | number)[][] = [];
      for (const networkMs of NETWORK_MS) {
        for (const load of Object.keys(BATCHES)) {
          report(`${load}, ${networkMs} ms network latency`);
          const result = await compare(store.endpoint, load, networkMs);
          rows.push([
            load,
            networkMs,
            result.itemsPerEvent.toFixed(2),
            result.trips.toFixed(0),
            result.bareTrips.toFixed(0),
            result.perSecond,
            result.barePerSecond,
            result.ratio.toFixed(2),
            result.ratio >= 0.8 ? "met" : "missed",
          ]);
        }
      }
      return [
        {
          title:
            "Subscriber: storing and counting batches of 500 events, compared with BatchWriteItem for the same items without counters (target: ratio >= 0.8)",
          columns: [
            "events",
            "store latency ms",
            "items per event",
            "round trips per batch",
            "bare",
            "events/s",
            "events/s, bare",
            "median ratio",
            "target",
          ],
          rows,
        },
      ];
    } finally {
      await store.close();
    }
  },
};
