import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { storeEvents } from "../../shared/audit-log/store-events.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../shared/core/clock.ts";
import { createEvent, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { activity } from "../../shared/statistics/activity.ts";
import { tokenUsageStats } from "../../shared/statistics/token-usage-stats.ts";
import { createWorld, type World } from "./store.ts";

const NOW_MS = Date.parse("2026-11-23T10:17:30.000Z");

const FAILURES = ["auth_failed", "scope_violation"];

const eventArbitrary = fc.record({
  type: fc.constantFrom("token_used", "auth_failed", "scope_violation", "suspicious_activity"),
  client: fc.constantFrom(undefined, "app", "web"),
  user: fc.constantFrom(undefined, "ada"),
  token: fc.constantFrom(undefined, "t1", "t2"),
  ip: fc.constantFrom(undefined, "203.0.113.1", "203.0.113.2", "2001:db8::1", "2001:db8::2"),
  endpoint: fc.constantFrom("/api/a", "/api/b#c", `/api/${"é".repeat(400)}`),
  agoMs: fc.integer({ min: 1, max: 3 * DAY_MS }),
});

async function worldWithEvents(count: number) {
  const world = await createWorld();
  world.time.nowMs = NOW_MS;
  const events = fc.sample(eventArbitrary, { numRuns: count, seed: 20261123 }).map((e) =>
    createEvent(
      {
        eventType: e.type,
        clientId: e.client,
        userId: e.user,
        details: {
          endpoint: e.endpoint,
          ...(e.ip && { ip: e.ip }),
          ...(e.token && { token_id: e.token }),
        },
      },
      NOW_MS - e.agoMs,
    ),
  );
  await storeAll(world, events);
  return { world, events };
}

async function storeAll(world: World, events: readonly OAuthEvent[]) {
  const { clock, registered } = world;
  const outcome = await storeEvents(world, events, { clock, registered });
  expect(outcome.stored).toHaveLength(events.length);
}

/** Returns the address as the ranking of failures shows it. */
const ranked = (ip: unknown) => (String(ip).startsWith("2001:db8::") ? "2001:db8::/64" : ip);

/** Computes the expected activity from every event. */
function expected(events: readonly OAuthEvent[], fromMs: number, toMs: number) {
  const inRange = events.filter(({ occurred_at }) => {
    const atMs = Date.parse(occurred_at);
    return atMs >= fromMs && atMs < toMs;
  });
  const failures = inRange.filter(({ event_type }) => FAILURES.includes(event_type));
  const tally = (values: readonly unknown[]) => {
    const counts = new Map<string, number>();
    for (const value of values) {
      if (typeof value !== "string") continue;
      const kept = Buffer.from(value)
        .subarray(0, 512)
        .toString()
        .replace(/\uFFFD+$/, "");
      counts.set(kept, (counts.get(kept) ?? 0) + 1);
    }
    return Object.fromEntries(counts);
  };
  return {
    byType: tally(inRange.map(({ event_type }) => event_type)),
    total: failures.length,
    byClient: tally(failures.map(({ oauth_client_id }) => oauth_client_id ?? "(none)")),
    byIp: tally(failures.map(({ event_data }) => ranked(event_data.ip))),
    byEndpoint: tally(failures.map(({ event_data }) => event_data.endpoint)),
  };
}

type Found = Awaited<ReturnType<typeof activity>>;

function summary({ buckets, failures }: Found) {
  const byType: Record<string, number> = {};
  for (const { events } of buckets) {
    for (const [type, count] of Object.entries(events)) byType[type] = (byType[type] ?? 0) + count;
  }
  const record = (counts: Found["failures"]["by_ip"]) =>
    Object.fromEntries(counts.map(({ value, count }) => [value, count]));
  return {
    byType,
    total: failures.total,
    byClient: record(failures.by_client),
    byIp: record(failures.by_ip),
    byEndpoint: record(failures.by_endpoint),
  };
}

describe("activity", () => {
  it("equals a count over all events for any range and filter", async () => {
    const { world, events } = await worldWithEvents(240);
    const ofFilters = (filters: Parameters<typeof activity>[2]) => (event: OAuthEvent) =>
      (filters?.clientId === undefined || event.oauth_client_id === filters.clientId) &&
      (filters?.userId === undefined || event.user_id === filters.userId) &&
      (filters?.tokenId === undefined || event.event_data.token_id === filters.tokenId) &&
      (filters?.ip === undefined ||
        event.event_data.ip === filters.ip ||
        ranked(event.event_data.ip) === filters.ip);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 3 * 1440 }),
        fc.oneof(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 3 * 1440 })),
        fc.record(
          {
            clientId: fc.constantFrom("app", "web"),
            userId: fc.constant("ada"),
            tokenId: fc.constantFrom("t1", "t2"),
            ip: fc.constantFrom("203.0.113.1", "2001:db8::1", "2001:db8::/64"),
          },
          { requiredKeys: [] },
        ),
        async (startMinute, minutes, filters) => {
          const fromMs = Math.ceil(NOW_MS / MINUTE_MS - 3 * 1440 + startMinute) * MINUTE_MS;
          const toMs = fromMs + minutes * MINUTE_MS;
          const found = await activity(world, { fromMs, toMs }, filters);
          const own = events.filter(ofFilters(filters));
          expect(found.complete).toBe(true);
          expect(summary(found)).toEqual(expected(own, fromMs, toMs));
        },
      ),
      { numRuns: 40 },
    );
  });

  it("puts each event into the right bucket for every bucket width", async () => {
    const { world, events } = await worldWithEvents(120);
    for (const [hours, seconds] of [
      [1, 60],
      [6, 300],
      [24, 3600],
      [7 * 24, 3600],
      [30 * 24, 21_600],
      [90 * 24, 86_400],
    ] as const) {
      const range = { fromMs: NOW_MS - hours * HOUR_MS, toMs: NOW_MS };
      for (const filters of [{}, { ip: "203.0.113.1" }]) {
        const found = await activity(world, range, filters);
        expect(found.bucket_seconds).toBe(seconds);
        expect(found.buckets.length).toBeLessThanOrEqual(182);
        for (const { start, events: counted } of found.buckets) {
          const startMs = Date.parse(start);
          expect(startMs % (seconds * 1000)).toBe(0);
          const inBucket = events.filter(({ occurred_at, event_data }) => {
            const atMs = Date.parse(occurred_at);
            return (
              (!("ip" in filters) || event_data.ip === filters.ip) &&
              atMs >= Math.max(startMs, Date.parse(found.from)) &&
              atMs < startMs + seconds * 1000
            );
          });
          const total = Object.values(counted).reduce((sum, n) => sum + n, 0);
          expect(total).toBe(inBucket.length);
        }
      }
    }
  });

  it("agrees with the statistics, in total and per client", async () => {
    const { world } = await worldWithEvents(60);
    const range = { fromMs: NOW_MS - 2 * DAY_MS, toMs: NOW_MS };
    for (const clientId of [undefined, "app"]) {
      const { byType } = summary(await activity(world, range, { clientId }));
      const stats = await tokenUsageStats(world, range, { clientId });
      expect(stats.events.by_type).toEqual(byType);
    }
  });

  it("does not need more reads during a flood of addresses, and still ranks the most frequent ones", async () => {
    // First in the ranking among subjects with equal counts, so the flood hides none of its counts.
    const WORST = "203.0.113.73";
    const cost = async (addresses: number) => {
      const world = await createWorld();
      world.time.nowMs = NOW_MS;
      const at = (ip: string, n: number) =>
        createEvent(
          { eventType: "auth_failed", details: { ip, endpoint: "/api/x" } },
          NOW_MS - HOUR_MS - (n % 600) * 1000,
        );
      await storeAll(world, [
        ...Array.from({ length: 60 }, (_, n) => at(WORST, n)),
        ...Array.from({ length: addresses }, (_, n) => at(`2001:db8:0:${n.toString(16)}::`, n)),
      ]);
      world.traffic.reset();
      const found = await activity(world, { fromMs: NOW_MS - DAY_MS, toMs: NOW_MS });
      expect(found.failures.total).toBe(60 + addresses);
      expect(found.failures.by_ip[0]).toEqual({ value: WORST, count: 60 });
      expect(found.failures.by_endpoint).toEqual([{ value: "/api/x", count: 60 + addresses }]);
      return world.traffic;
    };
    const few = await cost(900);
    const many = await cost(2700);
    expect(many.roundTrips).toBe(few.roundTrips);
    expect(few.readUnits).toBeGreaterThan(0);
    expect(many.readUnits).toBeLessThanOrEqual(few.readUnits * 1.2);
  });

  it("reports how far back it reads when one token has too many events", async () => {
    const world = await createWorld();
    world.time.nowMs = NOW_MS;
    const count = 10_100;
    const events = Array.from({ length: count }, (_, n) =>
      createEvent({ eventType: "token_used", details: { token_id: "busy" } }, NOW_MS - n * 1000),
    );
    await storeAll(world, events);
    const found = await activity(
      world,
      { fromMs: NOW_MS - DAY_MS, toMs: NOW_MS + 1 },
      { tokenId: "busy" },
    );
    expect(found.complete).toBe(false);
    expect(summary(found).byType).toEqual({ token_used: 10_000 });
    const oldest = events[9999]?.occurred_at ?? "";
    expect(found.from).toBe(`${oldest.slice(0, 16)}:00.000Z`);
  });
});
