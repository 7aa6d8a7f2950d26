import { PutCommand, UpdateCommand, type UpdateCommandInput } from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import { CounterUpdates } from "../../shared/audit-log/counter-updates.ts";
import { countsOfEvent } from "../../shared/audit-log/counts-of-event.ts";
import { toEventItems } from "../../shared/audit-log/event-pack.ts";
import { queryEvents } from "../../shared/audit-log/query-events.ts";
import { storeEvents } from "../../shared/audit-log/store-events.ts";
import { HOUR_MS, MINUTE_MS } from "../../shared/core/clock.ts";
import { dollarsOf } from "../../shared/cost/prices.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { listClients, tokenUsageStats } from "../../shared/index.ts";
import { activity } from "../../shared/statistics/activity.ts";
import { createWorld, type World } from "./store.ts";

const TOKEN_ID = "01a20a27-742d-708c-86b9-9adfc2873eae";

/** Returns the event for a typical browser call, with a long user agent and every ID set. */
const use = (world: World, n: number) =>
  createEvent(
    {
      eventType: "token_used",
      clientId: "3f1c2d9e-8a44-4b8e-9b5d-0d9a6f1f7c11",
      userId: "9b2d4c1a-53a7-4a3e-8a0d-6e2b7f9c1d22",
      details: {
        endpoint: "/api/customers/42/orders/2026-11",
        method: "GET",
        ip: "203.0.113.195",
        user_agent:
          "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0",
        request_id: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        token_id: TOKEN_ID,
        previous_use: { at: "2026-11-23T09:59:30.000Z", ip: "203.0.113.195" },
      },
    },
    world.time.nowMs - n,
  );

const NINETY = 90;

/** Checks the figures in docs/architecture.md against the units that the store itself reports. */
describe("capacity", () => {
  it("for an event is one unit for the item, one for its address, and a share of a batch item", async () => {
    const world = await createWorld();
    const unitsOf = async (items: readonly Record<string, unknown>[]) => {
      world.traffic.reset();
      for (const Item of items) {
        await world.db.send(new PutCommand({ TableName: world.eventsTable, Item }));
      }
      return world.traffic.writeUnits;
    };
    // Units outside a transaction. In a transaction, the item's own units count twice.
    const alone = toEventItems([use(world, -1000)], world.config, world.time.nowMs);
    expect(alone.packs).toEqual([]);
    expect(await unitsOf(alone.items)).toBe(1 + 4);
    const events = Array.from({ length: NINETY }, (_, n) => use(world, n + 1));
    const { items, packs } = toEventItems(events, world.config, world.time.nowMs);
    expect(await unitsOf(items)).toBe(NINETY * (1 + 1));
    expect(packs).toHaveLength(1);
    // Three units for a 3 KB item, and one entry in each index by time, type and client.
    expect(await unitsOf(packs)).toBe(3 + 3);
  });

  it("for ninety events is one transaction, which writes their client's last use once", async () => {
    const world = await createWorld();
    await storeEvents(world, [use(world, 0)], world);
    world.traffic.reset();
    const events = Array.from({ length: NINETY }, (_, n) => use(world, n + 1));
    expect((await storeEvents(world, events, world)).stored).toHaveLength(NINETY);
    expect(world.traffic.roundTrips).toBe(1);
  });

  it("for reads is a few units per page, and does not grow with the events for statistics", async () => {
    const world = await createWorld();
    await world.sink.publish(Array.from({ length: 500 }, (_, n) => use(world, n * MINUTE_MS)));
    const refused = Array.from({ length: 60 }, (_, n) => ({
      ...use(world, n * MINUTE_MS),
      event_type: "auth_failed",
    }));
    await world.sink.publish(refused);
    world.time.nowMs += HOUR_MS;
    const cost = async (read: () => Promise<unknown>) => {
      world.traffic.reset();
      await read();
      return { trips: world.traffic.roundTrips, units: world.traffic.readUnits };
    };
    // Expects `trips` round trips, or up to `moreTrips` more. Zero units would mean that there was nothing to read.
    const within = async (
      read: () => Promise<unknown>,
      trips: number,
      units: number,
      moreTrips = 0,
    ) => {
      const spent = await cost(read);
      expect(spent.trips).toBeGreaterThanOrEqual(trips);
      expect(spent.trips).toBeLessThanOrEqual(trips + moreTrips);
      expect(spent.units).toBeGreaterThan(units / 4);
      expect(spent.units).toBeLessThanOrEqual(units);
    };
    const page = (filters: object) => () => queryEvents(world, { limit: 50, ...filters });
    // A shard that holds more than its share of the page needs a second request.
    await within(page({}), 5, 25, 4);
    await within(page({ tokenId: TOKEN_ID }), 17, 25, 8);
    await within(page({ security: true }), 12, 25, 4);
    // One additional Query per month reads how many shards the month's counters have.
    await within(() => tokenUsageStats(world), 9, 3, 1);
    await within(() => listClients(world), 12, 2, 1);
    const { nowMs: toMs } = world.time;
    for (const [hours, trips, raggedTrips] of [
      [1, 17, 17],
      [24, 21, 45],
      [30 * 24, 257, 281],
    ] as const) {
      const range = { fromMs: toMs - hours * HOUR_MS, toMs };
      await within(() => activity(world, range), trips, 8, 1);
      // A range that ends within an hour reads the rankings and minutes of that hour.
      const ragged = { fromMs: range.fromMs + 90_000, toMs: toMs - 90_000 };
      await within(() => activity(world, ragged), raggedTrips, 8, 1);
    }

    // An open dashboard: the events every ten seconds, everything else every minute.
    const day = { fromMs: toMs - 24 * HOUR_MS + 90_000, toMs: toMs - 90_000 };
    const beat = await cost(page({ security: true, limit: 20 }));
    const dayBefore = { fromMs: day.fromMs - 24 * HOUR_MS, toMs: day.fromMs };
    const minute = await cost(async () => {
      await activity(world, day);
      await tokenUsageStats(world, day);
      await tokenUsageStats(world, dayBefore);
      await listClients(world);
    });
    // AWS charges half a unit for a Query without results.
    const unitsOf = (spent: { readonly trips: number; readonly units: number }) =>
      Math.max(spent.units, spent.trips / 2);
    const units = 8640 * unitsOf(beat) + 1440 * unitsOf(minute);
    expect(dollarsOf("dynamodb.read", units)).toBeLessThanOrEqual(0.05);
  });

  it("for a failure includes its rankings by address and endpoint in both resolutions", async () => {
    const world = await createWorld();
    const counted = new CounterUpdates(0);
    const failure = createEvent(
      { eventType: "auth_failed", details: { ip: "203.0.113.9", endpoint: "/api/x" } },
      world.time.nowMs,
    );
    counted.add(countsOfEvent(failure));
    for (const { Update } of counted.toTransactItems(world.countersTable, 400)) {
      await world.db.send(new UpdateCommand(Update as UpdateCommandInput));
    }
    // Two for the type and four for rankings. A ranked item's index entry costs one unit at first, and two when it
    // moves.
    expect(world.traffic.writeUnits).toBe(6 + 4);
    world.traffic.reset();
    for (const { Update } of counted.toTransactItems(world.countersTable, 400)) {
      await world.db.send(new UpdateCommand(Update as UpdateCommandInput));
    }
    expect(world.traffic.writeUnits).toBe(6 + 8);
  });
});
