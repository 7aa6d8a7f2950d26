import { describe, expect, it } from "vitest";
import { InvalidCursorError } from "../../shared/audit-log/event-cursor.ts";
import { type EventQuery, queryEvents } from "../../shared/audit-log/query-events.ts";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { DAY_MS } from "../../shared/core/clock.ts";
import { readEnrichment } from "../../shared/events/ip-enrichment.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { createWorld, type World } from "./store.ts";

const TYPES = ["token_used", "auth_failed", "scope_violation", "consent_given"];

async function worldWithEvents(count: number) {
  const world = await createWorld({ retention: { daysByEventType: { auth_failed: 365 } } });
  const events = Array.from({ length: count }, (_, n) =>
    createEvent(
      {
        eventType: TYPES[n % TYPES.length] as string,
        clientId: n % 3 ? "app" : "web",
        userId: n % 5 ? "ada" : undefined,
        details: {
          ...(n % 2 && { token_id: "t1" }),
          ip: `203.0.113.${n % 4}`,
          ...(n % 7 < 3 && {
            geo: { country_iso_code: n % 2 ? "DE" : "FR" },
            autonomous_system: { number: 64496 + (n % 3) },
            ...(n % 4 && { network_type: "vpn" }),
          }),
        },
      },
      // Two events share each instant, so that the order within an instant matters.
      world.time.nowMs - Math.floor(n / 2) * 1000,
    ),
  );
  await world.sink.publish(events);
  const newestFirst = [...events].sort((a, b) =>
    `${b.occurred_at}#${b.id}`.localeCompare(`${a.occurred_at}#${a.id}`),
  );
  return { world, newestFirst };
}

async function allPages(world: World, query: Omit<EventQuery, "cursor">) {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await queryEvents(world, { ...query, cursor });
    expect(page.events.length).toBeLessThanOrEqual(query.limit);
    ids.push(...page.events.map(({ id }) => id));
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
  return ids;
}

describe("queryEvents", () => {
  it("returns each event once across the pages for every filter, newest first", async () => {
    const { world, newestFirst } = await worldWithEvents(120);
    const at = (index: number) => Date.parse(newestFirst[index]?.occurred_at ?? "");
    const cases: [Partial<EventQuery>, (event: (typeof newestFirst)[number]) => boolean][] = [
      [{}, () => true],
      [{ type: "consent_given" }, (e) => e.event_type === "consent_given"],
      [{ clientId: "web" }, (e) => e.oauth_client_id === "web"],
      [{ userId: "ada" }, (e) => e.user_id === "ada"],
      [{ tokenId: "t1" }, (e) => e.event_data.token_id === "t1"],
      [
        { tokenId: "t1", type: "auth_failed", clientId: "app", userId: "ada" },
        (e) =>
          e.event_data.token_id === "t1" &&
          e.event_type === "auth_failed" &&
          e.oauth_client_id === "app" &&
          e.user_id === "ada",
      ],
      [{ ip: "203.0.113.1" }, (e) => e.event_data.ip === "203.0.113.1"],
      [
        { ip: "203.0.113.1", tokenId: "t1", clientId: "app" },
        (e) => e.event_data.ip === "203.0.113.1" && e.oauth_client_id === "app",
      ],
      [
        { security: true, clientId: "web" },
        (e) =>
          ["auth_failed", "scope_violation"].includes(e.event_type) && e.oauth_client_id === "web",
      ],
      [{ security: true }, (e) => ["auth_failed", "scope_violation"].includes(e.event_type)],
      [
        { fromMs: at(60), toMs: at(20) },
        (e) => Date.parse(e.occurred_at) >= at(60) && Date.parse(e.occurred_at) < at(20),
      ],
      [{ country: "DE" }, (e) => readEnrichment(e.event_data)?.country === "DE"],
      [
        { asn: 64497, type: "auth_failed" },
        (e) => readEnrichment(e.event_data)?.asn === 64497 && e.event_type === "auth_failed",
      ],
      [
        { networkType: "vpn", userId: "ada", country: "FR" },
        (e) =>
          readEnrichment(e.event_data)?.networkType === "vpn" &&
          readEnrichment(e.event_data)?.country === "FR" &&
          e.user_id === "ada",
      ],
      [
        { country: "DE", ip: "203.0.113.1" },
        (e) => readEnrichment(e.event_data)?.country === "DE" && e.event_data.ip === "203.0.113.1",
      ],
    ];
    for (const [filters, matches] of cases) {
      const expected = newestFirst.filter(matches).map(({ id }) => id);
      expect(expected.length).toBeGreaterThan(3);
      for (const limit of [7, 1000]) {
        expect(await allPages(world, { ...filters, limit })).toEqual(expected);
      }
    }
  });

  it("finds events by IPv6 address and by /64, with and without a token or user", async () => {
    const world = await createWorld();
    const event = (ip: string, eventType: string, userId?: string) =>
      createEvent(
        { eventType, userId, details: { ip, ...(userId && { token_id: "t1" }) } },
        world.time.nowMs - 1000,
      );
    const [first, second] = ["2001:db8:0:0::1", "2001:db8::ffff:0:0:2"] as const;
    const events = [
      event(first, "auth_failed"),
      event(second, "auth_failed"),
      event("2001:db8:0:1::1", "auth_failed"),
      event(first, "token_used", "ada"),
      event(second, "token_used", "ada"),
      event("2001:db8:0:1::1", "token_used", "ada"),
    ];
    await world.sink.publish(events);
    const found = async (filters: Partial<EventQuery>) =>
      (await queryEvents(world, { ...filters, limit: 50 })).events
        .map(({ id }) => events.findIndex((each) => each.id === id))
        .sort();
    expect(await found({ ip: "2001:db8::1" })).toEqual([0, 3]);
    expect(await found({ ip: "2001:db8::/64" })).toEqual([0, 1, 3, 4]);
    expect(await found({ ip: "2001:db8::/64", type: "auth_failed" })).toEqual([0, 1]);
    expect(await found({ ip: "2001:db8::/64", userId: "ada" })).toEqual([3, 4]);
    expect(await found({ ip: "2001:db8::/64", tokenId: "t1" })).toEqual([3, 4]);
  });

  it("finds an event by each of its attributes, and returns only events that match every filter", async () => {
    const world = await createWorld();
    const event = (
      eventType: string,
      clientId: string,
      userId: string,
      ip: string,
      token: string,
    ) =>
      createEvent(
        { eventType, clientId, userId, details: { ip, token_id: token } },
        world.time.nowMs - 1000,
      );
    const meant = event("auth_failed", "app", "ada", "203.0.113.9", "t1");
    await world.sink.publish([
      meant,
      event("auth_failed", "web", "bob", "198.51.100.1", "t2"),
      event("token_used", "web", "bob", "198.51.100.1", "t2"),
    ]);
    const sides = { clientId: "app", userId: "ada", ip: "203.0.113.9", tokenId: "t1" };
    const ids = async (query: Partial<EventQuery>) =>
      (await queryEvents(world, { limit: 10, ...query })).events.map(({ id }) => id);
    const others = { clientId: "web", userId: "bob", ip: "198.51.100.1", tokenId: "t2" };
    for (const [side, value] of Object.entries(sides)) {
      expect(await ids({ [side]: value }), side).toEqual([meant.id]);
      for (const [other, another] of Object.entries(others)) {
        if (other === side) continue;
        expect(await ids({ [side]: value, [other]: another }), `${side} ${other}`).toEqual([]);
      }
      expect(await ids({ [side]: value, type: "token_used" })).toEqual([]);
      expect(await ids({ [side]: value, security: true })).toEqual([meant.id]);
    }
    expect(await ids({ type: "auth_failed", clientId: "app" })).toEqual([meant.id]);
    expect(await ids({ fromMs: world.time.nowMs - 999 })).toEqual([]);
    expect(await ids({ toMs: world.time.nowMs - 1000 })).toEqual([]);
    expect(await ids({ fromMs: world.time.nowMs - 1000, ...sides })).toEqual([meant.id]);
  });

  it("indexes only security events by address if so configured", async () => {
    const world = await createWorld({ tracking: { addressIndex: "security_events" } });
    const event = (eventType: string) =>
      createEvent(
        { eventType, clientId: "app", userId: "ada", details: { ip: "203.0.113.9" } },
        world.time.nowMs - 1000,
      );
    const [used, failed] = [event("token_used"), event("auth_failed")];
    await world.sink.publish([used, failed]);
    const ids = async (query: Partial<EventQuery>) =>
      (await queryEvents(world, { limit: 10, ...query })).events.map(({ id }) => id).toSorted();
    expect(await ids({ ip: "203.0.113.9" })).toEqual([failed.id]);
    expect(await ids({ userId: "ada" })).toEqual([used.id, failed.id].toSorted());
    expect(await ids({ userId: "ada", ip: "203.0.113.9" })).toEqual(
      [used.id, failed.id].toSorted(),
    );
  });

  it("reads many batch items in one partition, and returns each event once", async () => {
    const world = await createWorld({ shards: { events: { write: 1 } } });
    const events = Array.from({ length: 30 }, (_, n) =>
      createEvent(
        { eventType: "token_used", clientId: "app", details: {} },
        world.time.nowMs - 300_000 + Math.floor(n / 3) * 10_000 + n,
      ),
    );
    await world.sink.publish(events);
    const newestFirst = events.map(({ id }) => id).toReversed();
    for (const limit of [4, 1000]) {
      expect(await allPages(world, { clientId: "app", limit })).toEqual(newestFirst);
    }
  });

  it("omits an event past its retention, deleted or not", async () => {
    const { world } = await worldWithEvents(8);
    world.time.nowMs += 90 * DAY_MS + 1000;
    const { events } = await queryEvents(world, { limit: 50 });
    expect(new Set(events.map(({ event_type }) => event_type))).toEqual(new Set(["auth_failed"]));
  });

  it("finds events that were written with fewer shards", async () => {
    const { world, newestFirst } = await worldWithEvents(20);
    const config = parseMonitoringConfig({ shards: { events: { write: 8 } } });
    const page = await queryEvents({ ...world, config }, { limit: 50 });
    expect(page.events).toHaveLength(newestFirst.length);
  });

  it("rejects a damaged cursor and another query's cursor", async () => {
    const { world } = await worldWithEvents(12);
    const { next_cursor } = await queryEvents(world, { limit: 2, clientId: "app" });
    const follow = (cursor: string, clientId: string) =>
      queryEvents(world, { limit: 2, clientId, cursor });
    await expect(follow(next_cursor ?? "", "web")).rejects.toThrow(InvalidCursorError);
    for (const bad of ["x", "e30", `${next_cursor}AA`.slice(4)]) {
      await expect(follow(bad, "app")).rejects.toThrow(/Start again without it/);
    }
  });

  it("limits a page by bytes too, without skipping an event", async () => {
    const world = await createWorld();
    const events = Array.from({ length: 80 }, (_, n) =>
      createEvent(
        { eventType: "token_used", clientId: "app", details: { note: "x".repeat(120_000) } },
        world.time.nowMs - n,
      ),
    );
    await world.sink.publish(events);
    const query = { limit: 1000, clientId: "app" };
    const page = await queryEvents(world, query);
    expect(page.events.length).toBeGreaterThan(30);
    expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(5_000_000);
    expect(await allPages(world, query)).toEqual(events.map(({ id }) => id));
  });

  it("limits the work of a filter that matches nothing", async () => {
    const { world } = await worldWithEvents(40);
    world.traffic.reset();
    const page = await queryEvents(world, { limit: 10, clientId: "app", type: "never_seen" });
    expect(page).toEqual({ events: [], next_cursor: null });
    // Reads only the four shards of the client's index.
    expect(world.traffic.roundTrips).toBe(4);
  });

  it("limits how many events it reads to filter by country, and resumes at the cursor", async () => {
    const world = await createWorld();
    const event = (n: number, country: string) =>
      createEvent(
        {
          eventType: "token_used",
          clientId: "app",
          details: { ip: "203.0.113.1", geo: { country_iso_code: country } },
        },
        // Each event is alone in its ten seconds, so that none is in a batch item.
        world.time.nowMs - n * 11_000,
      );
    const rare = event(3000, "FR");
    await world.sink.publish([...Array.from({ length: 3000 }, (_, n) => event(n, "DE")), rare]);
    const query = { clientId: "app", country: "FR", limit: 10 };
    let calls = 0;
    let cursor: string | undefined;
    const found: string[] = [];
    do {
      world.traffic.reset();
      const page = await queryEvents(world, { ...query, cursor });
      expect(world.traffic.roundTrips).toBeLessThanOrEqual(64);
      found.push(...page.events.map(({ id }) => id));
      cursor = page.next_cursor ?? undefined;
      calls += 1;
    } while (cursor);
    expect(found).toEqual([rare.id]);
    expect(calls).toBeLessThan(5);
  });
});
