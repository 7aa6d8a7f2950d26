import { GetCommand, paginateScan } from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import { isBatchItem } from "../../shared/audit-log/batch-item.ts";
import { eventKey } from "../../shared/audit-log/event-key.ts";
import { queryEvents } from "../../shared/audit-log/query-events.ts";
import { storeEvents } from "../../shared/audit-log/store-events.ts";
import { DAY_MS, HOUR_MS, toInstant } from "../../shared/core/clock.ts";
import type { EventData } from "../../shared/events/event-data.ts";
import { createEvent, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { countTokens } from "../../shared/statistics/count-tokens.ts";
import { countEvents } from "../../shared/statistics/event-buckets.ts";
import { createWorld, type World } from "./store.ts";
import { throttled } from "./store-traffic.ts";

function event(world: World, eventType: string, details: EventData = {}, atMs = world.time.nowMs) {
  return createEvent({ eventType, clientId: "app", userId: "ada", details }, atMs);
}

function uses(world: World, count: number): OAuthEvent[] {
  return Array.from({ length: count }, (_, n) =>
    event(world, "token_used", { token_id: `t${n % 7}` }, world.time.nowMs + n),
  );
}

const store = (world: World, events: readonly OAuthEvent[], maxAttempts = 6) =>
  storeEvents(world, events, {
    clock: world.clock,
    registered: world.registered,
    maxAttempts,
    retryDelayMs: 1,
  });

async function storedCount(world: World): Promise<number> {
  let count = 0;
  const pages = paginateScan({ client: world.db }, { TableName: world.eventsTable });
  for await (const { Items = [] } of pages)
    count += Items.filter((item) => !isBatchItem(item)).length;
  // The batch items list exactly the stored events.
  const { events } = await queryEvents(world, { limit: 1000, clientId: "app" });
  expect(events).toHaveLength(count);
  return count;
}

async function counted(world: World, type: string): Promise<number> {
  const { nowMs } = world.time;
  const { by_type } = await countEvents(world, { fromMs: nowMs - DAY_MS, toMs: nowMs + DAY_MS });
  return by_type[type] ?? 0;
}

describe("storeEvents", () => {
  it("stores the envelope with created_at and an expiry of 90 days", async () => {
    const world = await createWorld();
    const used = event(world, "token_used", { endpoint: "/api/data", nested: { a: [1, null] } });
    world.time.nowMs += 500;
    await store(world, [used]);
    const { Item } = await world.db.send(
      new GetCommand({ TableName: world.eventsTable, Key: eventKey(used) }),
    );
    expect(Item).toMatchObject({
      ...used,
      created_at: toInstant(world.time.nowMs),
      expires_at: Math.ceil((world.time.nowMs + 90 * DAY_MS) / 1000),
    });
  });

  it("stores and lists both events if a producer uses the same ID for two users", async () => {
    const world = await createWorld();
    const [first, second] = [uses(world, 5), uses(world, 5)];
    await store(world, first);
    // The newest events of both batches have the same ID and time.
    const reused = { ...second[4], id: first[4]?.id, user_id: "grace" } as OAuthEvent;
    await store(world, [...second.slice(0, 4), reused]);
    const { events } = await queryEvents(world, { limit: 100, clientId: "app" });
    expect(events.map(({ id }) => id).sort()).toEqual(
      [...first, ...second.slice(0, 4), reused].map(({ id }) => id).sort(),
    );
  });

  it("keeps security events for 90 days when other events are kept for less time", async () => {
    const world = await createWorld({ retention: { defaultDays: 7 } });
    const [used, failed] = [event(world, "token_used"), event(world, "auth_failed")];
    await store(world, [used, failed]);
    const expiry = async (stored: OAuthEvent) => {
      const { Item } = await world.db.send(
        new GetCommand({ TableName: world.eventsTable, Key: eventKey(stored) }),
      );
      return (Number(Item?.expires_at) * 1000 - world.time.nowMs) / DAY_MS;
    };
    expect(await expiry(used)).toBe(7);
    expect(await expiry(failed)).toBe(90);
  });

  it("stores and counts an event once when it is delivered five times in one batch or several", async () => {
    const world = await createWorld();
    const used = event(world, "token_used");
    await store(world, [used, used]);
    for (let n = 0; n < 3; n += 1) {
      expect((await store(world, [used])).duplicates).toEqual([used]);
    }
    expect(await storedCount(world)).toBe(1);
    expect(await counted(world, "token_used")).toBe(1);
  });

  it("counts each event once when it is killed between two transactions and the batch is redelivered", async () => {
    const world = await createWorld();
    const events = uses(world, 250);
    world.traffic.fault = ({ operation, index }) =>
      operation === "TransactWriteItems" && index >= 1 ? { error: new Error("killed") } : undefined;
    const first = await store(world, events);
    expect(first.stored.length).toBeGreaterThan(0);
    expect(first.stored.length + first.retry.length).toBe(250);
    world.traffic.reset();
    await store(world, events);
    expect(await storedCount(world)).toBe(250);
    expect(await counted(world, "token_used")).toBe(250);
  });

  it("counts each event once when a write succeeds but the response is lost", async () => {
    const world = await createWorld();
    const events = uses(world, 120);
    world.traffic.fault = ({ operation }) =>
      operation === "TransactWriteItems"
        ? { error: new Error("socket hang up"), afterwards: true }
        : undefined;
    expect((await store(world, events)).retry).toHaveLength(120);
    world.traffic.reset();
    expect((await store(world, events)).duplicates).toHaveLength(120);
    expect(await counted(world, "token_used")).toBe(120);
  });

  it("returns events that a throttled store rejects, and counts them on redelivery", async () => {
    const world = await createWorld();
    const events = uses(world, 200);
    world.traffic.fault = ({ operation, index }) =>
      operation === "TransactWriteItems" && index % 2 === 1 ? { error: throttled() } : undefined;
    const outcome = await store(world, events);
    expect(outcome.stored.length).toBeGreaterThan(0);
    expect(outcome.retry.length).toBeGreaterThan(0);
    world.traffic.reset();
    await store(
      world,
      outcome.retry.map((each) => each.event),
    );
    expect(await storedCount(world)).toBe(200);
    expect(await counted(world, "token_used")).toBe(200);
  });

  it("counts each event once when several writers update the same counters", async () => {
    const world = await createWorld({ shards: { counters: { write: 1 } } });
    const batches = Array.from({ length: 6 }, () => uses(world, 60));
    let waiting = batches.flat();
    while (waiting.length > 0) {
      const parts = batches.map((_, n) => waiting.filter((_each, index) => index % 6 === n));
      const outcomes = await Promise.all(parts.map((part) => store(world, part)));
      waiting = outcomes.flatMap(({ retry }) => retry.map((each) => each.event));
    }
    expect(await storedCount(world)).toBe(360);
    expect(await counted(world, "token_used")).toBe(360);
  });

  it("rejects an item that DynamoDB cannot store, and stores the rest of its batch", async () => {
    const world = await createWorld();
    const events = uses(world, 5);
    const huge = { ...event(world, "token_used"), event_data: { text: "x".repeat(500_000) } };
    const outcome = await store(world, [...events.slice(0, 2), huge, ...events.slice(2)]);
    expect(outcome.stored).toHaveLength(5);
    expect(outcome.rejected).toEqual([{ event: huge, reason: expect.stringContaining("size") }]);
    expect(await counted(world, "token_used")).toBe(5);
  });

  it("stores the rest of a batch if one event cannot be sent, and returns that event", async () => {
    const world = await createWorld();
    const events = uses(world, 5);
    const odd = { ...event(world, "token_used"), event_data: { n: Number.NaN } };
    const outcome = await store(world, [...events.slice(0, 2), odd, ...events.slice(2)]);
    expect(outcome.stored).toHaveLength(5);
    expect(outcome.retry).toEqual([{ event: odd, reason: expect.stringContaining("NaN") }]);
    expect(await counted(world, "token_used")).toBe(5);
  });

  it("rejects values that only look like JSON before they reach the store", async () => {
    const world = await createWorld();
    for (const [details, why] of [
      [{ n: 1e300 }, /Send it as text/],
      [{ "": 1 }, /Rename it/],
      [JSON.parse('{"__proto__": 1}'), /Rename it/],
    ] as const) {
      expect(() => event(world, "token_used", details)).toThrow(why);
    }
  });
});

describe("life of a token", () => {
  const life = (world: World, tokenId: string, expiresInMs = HOUR_MS) => {
    const { nowMs } = world.time;
    const issued = event(
      world,
      "token_issued",
      { token_id: tokenId, expires_at: toInstant(nowMs + expiresInMs) },
      nowMs,
    );
    const revoked = event(world, "token_revoked", { token_id: tokenId }, nowMs + 1000);
    return { issued, revoked };
  };
  const counts = async (world: World) => {
    const nowMs = world.time.nowMs + 5000;
    const range = { fromMs: nowMs - HOUR_MS, toMs: nowMs, nowMs };
    return (await countTokens(world, range)).get("app");
  };

  it("produces the same counts for any order and number of deliveries", async () => {
    const expected = { issued: 1, active: 0, expired: 0, revoked: 1 };
    const orders: ((l: ReturnType<typeof life>) => OAuthEvent[][])[] = [
      ({ issued, revoked }) => [[issued, revoked]],
      ({ issued, revoked }) => [[revoked, issued]],
      ({ issued, revoked }) => [[revoked], [issued]],
      ({ issued, revoked }) => [[issued], [revoked], [issued, revoked]],
    ];
    for (const order of orders) {
      const world = await createWorld();
      for (const batch of order(life(world, "t1"))) {
        const { retry } = await store(world, batch);
        expect(retry).toEqual([]);
      }
      expect(await counts(world)).toEqual(expected);
    }
  });

  it("counts a token once when two events with different IDs report the same token", async () => {
    const world = await createWorld();
    const [a, b] = [life(world, "t1"), life(world, "t1")];
    await store(world, [a.issued, b.issued, a.revoked, b.revoked]);
    expect(await counts(world)).toEqual({ issued: 1, active: 0, expired: 0, revoked: 1 });
    expect(await storedCount(world)).toBe(4);
  });

  it("does not count a token as revoked if it had already expired", async () => {
    const world = await createWorld();
    const { issued, revoked } = life(world, "t1", 500);
    await store(world, [issued, revoked]);
    expect(await counts(world)).toEqual({ issued: 1, active: 0, expired: 1, revoked: 0 });
  });

  it("stores a token_issued event without an expiry, but does not count it", async () => {
    const world = await createWorld();
    await store(world, [event(world, "token_issued", { token_id: "t1" })]);
    expect(await storedCount(world)).toBe(1);
    expect(await counts(world)).toBeUndefined();
  });
});
