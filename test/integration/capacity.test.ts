import { DescribeTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { describe, expect, it } from "vitest";
import { Random } from "../../local/traffic/world/random.ts";
import { SAMPLED_ONE_IN } from "../../shared/audit-log/event-counts.ts";
import { queryEvents } from "../../shared/audit-log/query-events.ts";
import { storeEvents } from "../../shared/audit-log/store-events.ts";
import { authorize } from "../../shared/authorization/authorize.ts";
import { runCleanup } from "../../shared/cleanup/run-cleanup.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS, toInstant } from "../../shared/core/clock.ts";
import { computeShard } from "../../shared/core/document-client.ts";
import { STORED_BYTES, UNITS } from "../../shared/cost/counted-units.ts";
import { unitsOfBatch } from "../../shared/cost/estimate.ts";
import { toDollars } from "../../shared/cost/prices.ts";
import { detectAnomalies } from "../../shared/detection/detect-anomalies.ts";
import { createEvent, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { issueToken, listClients, tokenUsageStats } from "../../shared/index.ts";
import { activity } from "../../shared/statistics/activity.ts";
import { meterTransactions } from "./meter-transactions.ts";
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
    const rejected = Array.from({ length: 60 }, (_, n) => ({
      ...use(world, n * MINUTE_MS),
      event_type: "auth_failed",
    }));
    await world.sink.publish(rejected);
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
    const measureUnits = (spent: { readonly trips: number; readonly units: number }) =>
      Math.max(spent.units, spent.trips / 2);
    const units = 8640 * measureUnits(beat) + 1440 * measureUnits(minute);
    expect(toDollars("dynamodb.read", units)).toBeLessThanOrEqual(0.05);
  });
});

/** Creates a world that also counts the units of transactions, and functions to count units and bytes. */
async function meteredWorld(config: MonitoringConfigInput = {}) {
  const world = await createWorld(config);
  // No batch crosses an hour or the ten seconds of a batch item.
  world.time.nowMs += 20 * MINUTE_MS + 5 * SECOND_MS;
  meterTransactions(world);
  const admin = new DynamoDBClient({ endpoint: world.endpoint });
  const measureUnits = async (task: () => Promise<unknown>) => {
    world.traffic.reset();
    await task();
    return { writes: world.traffic.writeUnits, reads: world.traffic.readUnits };
  };
  const measureWrites = async (...events: readonly OAuthEvent[]) =>
    (await measureUnits(() => storeEvents(world, events, world))).writes;
  const getByteLength = async (TableName: string) => {
    const { Table } = await admin.send(new DescribeTableCommand({ TableName }));
    return Table?.TableSizeBytes ?? 0;
  };
  return { world, measureUnits, measureWrites, getByteLength };
}

/** Returns an event whose id is in the sample for detection, or isn't. */
function sampled(make: () => OAuthEvent, isInSample: boolean): OAuthEvent {
  const event = make();
  return (computeShard(event.id, SAMPLED_ONE_IN) === 0) === isInSample
    ? event
    : sampled(make, isInSample);
}

const denied = (world: World, n: number, endpoint = `/api/${n}`) =>
  createEvent(
    {
      eventType: "auth_failed",
      details: {
        reason: "unknown_token",
        ip: `198.51.${n >> 8}.${n & 255}`,
        endpoint,
        user_agent: use(world, 0).event_data.user_agent,
      },
    },
    world.time.nowMs,
  );

/** Checks the table that the cost estimate multiplies by prices. */
describe("counted units", () => {
  const { writes: counters } = UNITS.counters;
  const { writes: clientUse } = UNITS.clientUse;
  const listed = UNITS.event.writes + UNITS.addressEntry.writes;

  it("match a call with and without a write of the token's last use", async () => {
    for (const [lastUsedIntervalSeconds, units] of [
      [0, UNITS.call],
      [3600, UNITS.callWithinInterval],
    ] as const) {
      const { world, measureUnits } = await meteredWorld({
        tracking: { lastUsedIntervalSeconds },
      });
      const issued = await issueToken(world, {
        clientId: "app",
        userId: "ada",
        scopes: ["api:read"],
        expiresInSeconds: 3600,
      });
      const deferred: (() => Promise<unknown>)[] = [];
      const context = {
        ...world.context,
        sink: { publish: async () => {} },
        defer: (task: () => Promise<unknown>) => void deferred.push(task),
      };
      const call = async () => {
        world.time.nowMs += SECOND_MS;
        const decision = await authorize(context, {
          method: "GET",
          path: "/api/data",
          authorization: [`Bearer ${issued.secret}`],
          ip: "203.0.113.9",
          userAgent: "curl/8",
          requestId: "r-1",
        });
        expect(decision.outcome).toBe("allowed");
        for (const task of deferred.splice(0)) await task();
      };
      await call();
      expect(await measureUnits(call)).toEqual(units);
    }
  });

  it("match an event on its own, and the first use of its token", async () => {
    const { world, measureWrites } = await meteredWorld();
    const event = (n = 0) => sampled(() => use(world, n), false);
    const lone = listed + UNITS.loneEvent.writes + counters + clientUse;
    await measureWrites(event());
    expect(await measureWrites(event())).toBe(lone);
    const next = { ...event(), event_data: { ...event().event_data, token_id: "another" } };
    expect(await measureWrites(next)).toBe(lone + UNITS.newToken.writes);
    // DynamoDB Local doesn't count reads of missing items, which cost half a unit each.
    expect(UNITS.newToken.reads).toBe(2 * 0.5);
    const inSample = sampled(() => use(world, 0), true);
    expect(await measureWrites(inSample)).toBe(lone + UNITS.sampledUse.writes);
  });

  it("match a batch of events of one client", async () => {
    const { world, measureWrites } = await meteredWorld();
    const batch = (count: number) =>
      Array.from({ length: count }, (_, n) => sampled(() => use(world, n), false));
    await measureWrites(...batch(1));
    for (const [size, growth] of [
      [2, 0],
      [10, 0],
      [30, 1],
    ] as const) {
      const item = UNITS.batchItem.writes + growth * UNITS.batchItemGrowth.writes;
      expect(await measureWrites(...batch(size))).toBe(size * listed + item + counters + clientUse);
    }
  });

  it("match a denied call, alone and with others", async () => {
    // One shard, so that the calls share their counters.
    const { world, measureWrites } = await meteredWorld({ shards: { counters: { write: 1 } } });
    await measureWrites(denied(world, 0));
    // The rank of the calls' shared reason rises, which moves its index entry.
    const single = UNITS.deniedCall.writes + UNITS.deniedCounters.writes + 1;
    expect(await measureWrites(denied(world, 1))).toBe(single);
    // The batch item, which has no index entry by client, replaces the event's two index entries.
    const second = UNITS.deniedCall.writes + (UNITS.batchItem.writes - 1) - 2;
    expect(await measureWrites(denied(world, 2), denied(world, 3))).toBe(single + second);
  });

  it("match scheduled runs without findings, and the deletion of a token", async () => {
    const { world, measureUnits } = await meteredWorld();
    const context = { ...world.context, notify: async () => {} };
    const cleanUp = () => runCleanup(world, { deadlineMs: Number.POSITIVE_INFINITY });
    for (const [run, units] of [
      [() => detectAnomalies(context, world.time.nowMs), UNITS.detectionRun],
      [cleanUp, UNITS.cleanupRun],
    ] as const) {
      const { writes } = await measureUnits(run);
      expect(writes).toBe(units.writes);
      // AWS charges half a unit for a Query without results. DynamoDB Local counts none.
      expect(world.traffic.roundTrips / 2).toBe(units.reads);
    }
    const quiet = { ...world.context, sink: { publish: async () => {} } };
    const grant = { clientId: "app", scopes: ["a"], expiresInSeconds: 60 };
    for (let n = 0; n < 10; n += 1) await issueToken(quiet, grant);
    world.time.nowMs += MINUTE_MS;
    const { writes } = await measureUnits(cleanUp);
    expect(writes).toBe(UNITS.cleanupRun.writes + 10 * UNITS.deletedToken.writes);
  });

  it("match the bytes of events, tokens and denied calls", async () => {
    const { world, measureWrites, getByteLength } = await meteredWorld();
    const grown = async (table: string, events: readonly OAuthEvent[]) => {
      const before = await getByteLength(table);
      await measureWrites(...events);
      return (await getByteLength(table)) - before;
    };
    const near = (bytes: number, expected: number) => {
      expect(bytes).toBeGreaterThan(expected * 0.9);
      expect(bytes).toBeLessThan(expected * 1.1);
    };
    const batch = Array.from({ length: 80 }, (_, n) => use(world, n));
    near((await grown(world.eventsTable, batch)) / batch.length, STORED_BYTES.event);
    const first = (n: number) => {
      const event = sampled(() => use(world, n), false);
      return { ...event, event_data: { ...event.event_data, token_id: `${TOKEN_ID}-${n}` } };
    };
    const uses = Array.from({ length: 40 }, (_, n) => first(n));
    near((await grown(world.countersTable, uses)) / uses.length, STORED_BYTES.token);
    const failures = Array.from({ length: 40 }, (_, n) => denied(world, n, "/api/data"));
    near((await grown(world.countersTable, failures)) / failures.length, STORED_BYTES.deniedCall);
  });

  it.each([
    [4, 15],
    [20, 5],
    [200, 1],
  ])("predict the use of batches of %i mixed calls within 10%", async (size, batches) => {
    const { world, measureWrites } = await meteredWorld();
    const random = new Random(7, "capacity");
    const clients = Array.from({ length: 20 }, (_, n) => `client-${n}`);
    const share = 0.05;
    const call = (n: number) => {
      const user = random.integer(0, 39);
      const subject = { oauth_client_id: random.pickZipf(clients), user_id: `user-${user}` };
      const { event_data } = use(world, 0);
      const ip = `10.0.${user >> 8}.${user & 255}`;
      const token = { token_id: `token-${user}` };
      const occurred_at = toInstant(world.time.nowMs + n);
      const endpoint = `/api/${random.integer(0, 3)}`;
      if (!random.chance(share)) {
        const previous_use = { at: "2026-11-23T09:59:30.000Z", ip };
        const details = { ...event_data, ...token, ip, endpoint, previous_use };
        return { ...use(world, 0), ...subject, occurred_at, event_data: details };
      }
      const failure = denied(world, random.integer(0, 65_535), endpoint);
      if (random.chance(0.5)) return { ...failure, occurred_at };
      const details = { ...failure.event_data, ...token, reason: "expired_token" };
      return { ...failure, ...subject, occurred_at, event_data: details };
    };
    const calls = (count: number) => Array.from({ length: count }, (_, n) => call(n));
    // The first calls register every token and client.
    for (let n = 0; n < 2; n += 1) await measureWrites(...calls(300));
    let writes = 0;
    for (let n = 0; n < batches; n += 1) writes += await measureWrites(...calls(size));
    const { events, counters: counted } = unitsOfBatch(size, 0, share, world.config);
    const predicted = events + counted;
    expect(Math.abs(writes / batches / predicted - 1)).toBeLessThanOrEqual(0.1);
  });
});
