import { startDynamoDbLocal } from "../../infra/local/dynamodb-local.ts";
import type { DocumentClient } from "../../shared/dynamodb/client.ts";
import { createEvent, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { storeEvents } from "../../shared/events/store-events.ts";
import { toEventItem } from "../../shared/events/stored-event.ts";
import { createWorldAt } from "../integration/world.ts";
import type { Benchmark } from "./benchmark.ts";
import { interleaved } from "./interleaved.ts";
import { median } from "./percentile.ts";
import { putItems } from "./put-items.ts";

/** As many as the subscriber takes by default. */
const BATCH = 500;
const ROUNDS = 16;
const WARM_UP = 4;

const DETAILS = {
  endpoint: "/api/customers/42/orders/2026-11",
  method: "GET",
  user_agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0",
  request_id: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
};

/** Calls of so many clients, in the minute of the batch. */
function calls(clients: number, atMs: number): OAuthEvent[] {
  return Array.from({ length: BATCH }, (_, n) => {
    const call = Math.floor(n / 2);
    const clientId = `client-${call % clients}`;
    const token_id = `token-${call % 100}`;
    const details = { ...DETAILS, token_id, ip: `203.0.113.${call % 250}` };
    const eventType = n % 2 === 0 ? "token_used" : "scope_validation_success";
    return createEvent({ eventType, clientId, userId: `user-${call % 100}`, details }, atMs + n);
  });
}

/** A flood of bad tokens from 250 addresses. */
function failures(atMs: number): OAuthEvent[] {
  return Array.from({ length: BATCH }, (_, n) => {
    const details = { ...DETAILS, ip: `203.0.113.${n % 250}`, reason: "unknown_token" };
    return createEvent({ eventType: "auth_failed", details }, atMs + n);
  });
}

/** Tokens issued to 20 clients. */
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
function countWrites(client: DocumentClient): { items: number } {
  const counted = { items: 0 };
  client.middlewareStack.add(
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

/** Storing and counting events, against putting the same items with nothing counted or checked. */
export const subscriber: Benchmark = {
  name: "subscriber",
  async run(report) {
    const store = await startDynamoDbLocal({ port: 0 });
    try {
      const rows: (string | number)[][] = [];
      for (const [what, eventsOf] of Object.entries({
        "calls of 1 client": (atMs: number) => calls(1, atMs),
        "calls of 20 clients": (atMs: number) => calls(20, atMs),
        "failures of 250 addresses": failures,
        "tokens issued to 20 clients": issuances,
      })) {
        report(what);
        const [counting, bare] = [
          await createWorldAt(store.endpoint),
          await createWorldAt(store.endpoint),
        ];
        const writes = countWrites(counting.client);
        const batches = Array.from({ length: WARM_UP + ROUNDS }, (_, round) =>
          eventsOf(counting.time.nowMs + round * 1000),
        );
        const batchOf = (round: number) => batches[round] ?? [];
        const times = await interleaved(
          {
            stored: async (round) => {
              if (round === WARM_UP) {
                counting.traffic.reset();
                writes.items = 0;
              }
              const { stored } = await storeEvents(counting, batchOf(round), counting);
              if (stored.length !== BATCH) throw new Error("not every event was stored");
            },
            bare: (round) =>
              putItems(
                bare.client,
                bare.eventsTable,
                batchOf(round).map((each) => toEventItem(each, bare.config, bare.time.nowMs)),
              ),
          },
          { rounds: ROUNDS, warmUp: WARM_UP },
        );
        const ratios = times.stored.map((ms, round) => (times.bare[round] ?? Number.NaN) / ms);
        const events = ROUNDS * BATCH;
        const itemsPerEvent = writes.items / events;
        const perSecond = (ms: readonly number[]) => Math.round((1000 * BATCH) / median(ms));
        rows.push([
          what,
          itemsPerEvent.toFixed(2),
          (events / counting.traffic.roundTrips).toFixed(1),
          perSecond(times.stored),
          perSecond(times.bare),
          median(ratios).toFixed(2),
          (median(ratios) * itemsPerEvent).toFixed(2),
          median(ratios) >= 0.8 ? "met" : "missed",
        ]);
      }
      return [
        {
          title:
            "Subscriber: batches of 500 events, stored and counted, against BatchWriteItem of the same items (target: ratio >= 0.8)",
          columns: [
            "events",
            "items written an event",
            "events a round trip",
            "events/s",
            "events/s, bare",
            "median ratio",
            "ratio, items",
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
