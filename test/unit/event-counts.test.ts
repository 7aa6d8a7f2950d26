import { describe, expect, it } from "vitest";
import type { Count } from "../../shared/audit-log/counter-keys.ts";
import { CounterUpdates } from "../../shared/audit-log/counter-updates.ts";
import {
  type EventNovelty,
  getEventCounts,
  NO_NOVELTY,
} from "../../shared/audit-log/event-counts.ts";
import { DAY_MS, toInstant } from "../../shared/core/clock.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";

const NOW = Date.parse("2026-11-23T10:00:00.000Z");

/** ID of an event that isn't sampled. */
const NOT_SAMPLED = "01a20a27-742d-708c-86b9-9adfc2873eae";

/** Returns the kind and value of each counter that an event increments, except the counter for its type. */
function counted(
  eventType: string,
  details: Record<string, unknown>,
  subject = {},
  novelty?: EventNovelty,
) {
  const event = createEvent({ eventType, clientId: "app", details, ...subject }, NOW);
  const [first, ...ranked] = getEventCounts(event, novelty).filter(({ field }) => field === "n");
  expect(first).toMatchObject({ kind: "events", dimensions: [eventType, "app"], field: "n" });
  return ranked.map((count) => [count.kind, "subject" in count && count.subject.value]);
}

/** Returns the counters for a `token_used` event that isn't sampled. */
const use = (ip: string, previous_use: unknown, subject = {}, novelty?: EventNovelty) =>
  counted(
    "token_used",
    { token_id: "t1", ip, previous_use, user_agent: "curl/8" },
    { id: NOT_SAMPLED, ...subject },
    novelty,
  );

describe("countsOfEvent", () => {
  it("counts an event by type and client, using (none) for a missing client", () => {
    expect(counted("consent_given", { ip: "203.0.113.9" })).toEqual([]);
    const withoutClient = createEvent({ eventType: "auth_failed", details: { ip: "x" } }, NOW);
    expect(getEventCounts(withoutClient)).toMatchObject([
      { kind: "events", dimensions: ["auth_failed", "(none)"], atMs: NOW },
      { kind: "failed_ips", subject: { oauth_client_id: "(none)", value: "x" }, atMs: NOW },
    ]);
  });

  it("counts the address, endpoint and reason of a failure, and the principal when it is meaningful", () => {
    const details = { ip: "203.0.113.9", endpoint: "/x", reason: "expired_token", token_id: "t1" };
    const ofAdmins = [
      ["failed_ips", "203.0.113.9"],
      ["failed_endpoints", "/x"],
    ];
    expect(counted("auth_failed", details)).toEqual([
      ...ofAdmins,
      ["failed_reasons", "expired_token"],
    ]);
    expect(counted("auth_failed", { ...details, reason: "revoked_token" })).toEqual([
      ...ofAdmins,
      ["failed_reasons", "revoked_token"],
      ["denied_principals", "token:t1"],
    ]);
    expect(counted("scope_violation", { token_id: "t1" }, { userId: "ada" })).toEqual([
      ["failed_reasons", "scope_violation"],
      ["denied_principals", "user:ada"],
    ]);
    expect(counted("auth_failed", { ip: 7, endpoint: "", reason: ["a"] })).toEqual([]);
  });

  it("counts an IPv6 address by its /64 block and an unauthenticated call by its route", () => {
    const from = (ip: string, endpoint: string, route?: string) =>
      counted("auth_failed", {
        ip,
        endpoint,
        ...(route && { route }),
        reason: "unknown_token",
      }).slice(0, 2);
    const ranked = [
      ["failed_ips", "2001:db8:1:2::/64"],
      ["failed_endpoints", "/api/{proxy+}"],
    ];
    expect(from("2001:db8:1:2::1", "/api/1", "/api/{proxy+}")).toEqual(ranked);
    expect(from("2001:db8:1:2:3:4:5:6", "/api/2", "/api/{proxy+}")).toEqual(ranked);
    expect(from("203.0.113.9", "/x", "(unrouted)")).toEqual([
      ["failed_ips", "203.0.113.9"],
      ["failed_endpoints", "(unrouted)"],
    ]);
  });

  it("counts a credential guess without writing an extra item", () => {
    const details = { ip: "203.0.113.9", reason: "unknown_token" };
    const event = createEvent({ eventType: "auth_failed", clientId: "app", details }, NOW);
    const credentialGuesses = getEventCounts(event).filter(({ field }) => field === "g");
    expect(credentialGuesses).toEqual([
      { kind: "events", dimensions: ["auth_failed", "app"], field: "g", atMs: NOW },
      {
        kind: "failed_ips",
        subject: { oauth_client_id: "app", value: "203.0.113.9" },
        field: "g",
        atMs: NOW,
      },
    ]);
    const updates = (all: readonly Count[]) => {
      const counters = new CounterUpdates(0);
      counters.add(all);
      return counters.toTransactItems("counters", 400);
    };
    const all = getEventCounts(event);
    const items = updates(all);
    expect(items).toHaveLength(updates(all.filter(({ field }) => field === "n")).length);
    // The `total` attribute ranks addresses by their number of failures.
    const names = items.map(({ Update }) => {
      const { ExpressionAttributeNames = {}, ExpressionAttributeValues = {} } = Update ?? {};
      const [key = ""] = Object.entries(ExpressionAttributeNames).find(
        ([, name]) => name === "total",
      ) ?? [""];
      return ExpressionAttributeValues[key.replace("#", ":")];
    });
    expect(names.filter((total) => total !== undefined)).toEqual([1, 1, 1]);
  });

  it("counts principals whose address or user agent changed, and the networks of services", () => {
    const from = (ip: string) => ({ at: toInstant(NOW - 1000), ip });
    const user = { userId: "ada" };
    const moved = [["changed_principals", "user:ada"]];
    expect(use("203.0.113.9", from("198.51.100.1"), user)).toEqual(moved);
    expect(use("203.0.113.9", from("203.0.1.1"), user)).toEqual(moved);
    expect(use("203.0.113.9", from("203.0.113.9"), user)).toEqual([]);
    expect(use("203.0.113.9", null, user)).toEqual([]);
    // All addresses in one IPv6 network count as the same address, because privacy extensions rotate them.
    expect(use("2001:db8::1", from("2001:db8:0:0:ffff::2"), user)).toEqual([]);
    expect(use("2001:db8::1", from("2001:db9::1"), user)).toEqual(moved);
    const location = [["service_networks", "203.0.0.0/16 curl"]];
    expect(use("203.0.113.9", null)).toEqual(location);
    expect(use("203.0.113.9", from("198.51.100.1"))).toEqual(location);
    expect(use("203.0.113.9", from("203.0.1.1"))).toEqual([]);
    expect(use("nonsense", null)).toEqual([]);
    // Event sources that don't know the previous use omit it.
    const id = NOT_SAMPLED;
    expect(counted("token_used", { token_id: "t1", ip: "203.0.113.9" }, { id })).toEqual([]);
    expect(counted("token_used", { ip: "203.0.113.9", previous_use: null }, { id })).toEqual([]);
    expect(
      use(
        "203.0.1.1",
        from("203.0.1.1"),
        {},
        {
          ...NO_NOVELTY,
          isChanged: true,
          isNewToClient: true,
        },
      ),
    ).toEqual([
      ["changed_principals", "token:t1"],
      ["service_networks", "203.0.0.0/16 curl"],
    ]);
  });

  it("counts a service by network operator, or by network when the operator is unknown", () => {
    const from = (ip: string) => ({ at: toInstant(NOW - 1000), ip });
    const enriched = (asn: unknown, previous_use: unknown, ip = "203.0.113.9") =>
      counted(
        "token_used",
        {
          token_id: "t1",
          ip,
          previous_use,
          user_agent: "curl/8",
          autonomous_system: { number: asn },
        },
        { id: "01a20a27-742d-708c-86b9-9adfc2873eae" },
      );
    expect(enriched(64496, null)).toEqual([["service_networks", "AS64496 curl"]]);
    expect(enriched(64496, from("198.51.100.1"))).toEqual([["service_networks", "AS64496 curl"]]);
    expect(enriched(64496, from("203.0.1.1"))).toEqual([]);
    expect(enriched(64496, null, "nonsense")).toEqual([]);
    expect(enriched("x", null)).toEqual([["service_networks", "203.0.0.0/16 curl"]]);
  });

  it("counts a user who is in a new country or a new network type", () => {
    const from = { at: toInstant(NOW - 1000), ip: "203.0.113.9" };
    const novelty = { ...NO_NOVELTY, isElsewhere: true };
    const moved = [["changed_principals", "user:ada"]];
    expect(use("203.0.113.9", from, { userId: "ada" }, novelty)).toEqual(moved);
    expect(use("203.0.113.9", null, { userId: "ada" }, novelty)).toEqual(moved);
    const signIn = (given: EventNovelty) =>
      counted("session_started", { ip: "203.0.113.9" }, { userId: "ada" }, given);
    expect(signIn(novelty)).toEqual(moved);
    expect(signIn(NO_NOVELTY)).toEqual([]);
  });

  it("samples one token use in 44 and makes the same choice on every delivery", () => {
    const sampled = Array.from({ length: 800 }, (_, n) => {
      const details = { token_id: "t1" };
      const id = `01a20a27-742d-708c-86b9-${String(n).padStart(12, "0")}`;
      const event = createEvent({ eventType: "token_used", userId: "ada", details, id }, NOW);
      const repeated = [getEventCounts(event), getEventCounts(event)];
      expect(repeated[0]).toEqual(repeated[1]);
      return getEventCounts(event).filter(({ kind }) => kind === "sampled_uses").length;
    });
    // The IDs are fixed, so the result is deterministic.
    const count = sampled.reduce((sum, each) => sum + each, 0);
    expect(count).toBeGreaterThan(8);
    expect(count).toBeLessThan(30);
  });

  it("counts users whose token was issued for a device code", () => {
    const issued = (details: Record<string, unknown>, userId?: string) =>
      getEventCounts(
        createEvent({ eventType: "token_issued", clientId: "tv", userId, details }, NOW),
      ).flatMap((count) => ("subject" in count ? [[count.kind, count.subject.value]] : []));
    const grant_type = "urn:ietf:params:oauth:grant-type:device_code";
    expect(issued({ token_id: "t1", grant_type }, "ada")).toEqual([
      ["changed_principals", "user:ada"],
    ]);
    expect(issued({ token_id: "t1", provider_event_type: "sede" }, "ada")).toHaveLength(1);
    expect(issued({ token_id: "t1", grant_type })).toEqual([]);
    expect(issued({ token_id: "t1", grant_type: "refresh_token" }, "ada")).toEqual([]);
  });

  it("counts tokens that are used again after five days", () => {
    const rested = (ms: number) =>
      use("203.0.113.9", { at: toInstant(NOW - ms), ip: "203.0.113.9" }, { userId: "ada" });
    expect(rested(5 * DAY_MS)).toEqual([["dormant_tokens", "t1"]]);
    expect(rested(5 * DAY_MS - 1)).toEqual([]);
  });

  it("truncates caller-supplied text to 512 bytes without splitting a character", () => {
    const value = (endpoint: string) => counted("scope_violation", { endpoint })[0]?.[1];
    expect(value("x".repeat(512))).toBe("x".repeat(512));
    expect(value("x".repeat(513))).toBe("x".repeat(512));
    expect(value(`${"x".repeat(511)}é`)).toBe("x".repeat(511));
  });
});
