import { describe, expect, it } from "vitest";
import { countsOfEvent } from "../../shared/counters/counts-of-event.ts";
import { createEvent } from "../../shared/envelope/oauth-event.ts";
import { DAY_MS, toInstant } from "../../shared/time/clock.ts";

const NOW = Date.parse("2026-11-23T10:00:00.000Z");

/** What an event counts beside its type: kinds and values. */
function counted(eventType: string, details: Record<string, unknown>, subject = {}) {
  const event = createEvent({ eventType, clientId: "app", details, ...subject }, NOW);
  const [first, ...ranked] = countsOfEvent(event);
  expect(first).toMatchObject({ kind: "events", dimensions: [eventType, "app"], field: "n" });
  return ranked.map((count) => [count.kind, "subject" in count && count.subject.value]);
}

const use = (ip: string, previous_use: unknown, subject = {}) =>
  counted("token_used", { token_id: "t1", ip, previous_use }, subject);

describe("what an event counts", () => {
  it("is one of its type and client, or of nobody's", () => {
    expect(counted("consent_given", { ip: "203.0.113.9" })).toEqual([]);
    const nobody = createEvent({ eventType: "auth_failed", details: { ip: "x" } }, NOW);
    expect(countsOfEvent(nobody)).toMatchObject([
      { kind: "events", dimensions: ["auth_failed", "(none)"], atMs: NOW },
      { kind: "failed_ips", subject: { oauth_client_id: "(none)", value: "x" }, atMs: NOW },
    ]);
  });

  it("is a failure's address, endpoint, reason and token, as far as it has them", () => {
    const details = { ip: "203.0.113.9", endpoint: "/x", reason: "expired_token", token_id: "t1" };
    expect(counted("auth_failed", details)).toEqual([
      ["failed_ips", "203.0.113.9"],
      ["failed_endpoints", "/x"],
      ["failed_reasons", "expired_token"],
      ["failed_tokens", "expired_token t1"],
    ]);
    expect(counted("scope_violation", { token_id: "t1" })).toEqual([
      ["failed_reasons", "scope_violation"],
      ["failed_tokens", "scope_violation t1"],
    ]);
    expect(counted("auth_failed", { ip: 7, endpoint: "", reason: ["a"] })).toEqual([]);
  });

  it("is a token's network when it is another than before, for nobody's user by itself too", () => {
    const from = (ip: string) => ({ at: toInstant(NOW - 1000), ip });
    const moved = [
      ["networks", "203.0.0.0/16 t1"],
      ["service_networks", "203.0.0.0/16"],
    ];
    expect(use("203.0.113.9", null)).toEqual(moved);
    expect(use("203.0.113.9", from("198.51.100.1"))).toEqual(moved);
    expect(use("203.0.113.9", null, { userId: "ada" })).toEqual(moved.slice(0, 1));
    expect(use("203.0.113.9", from("203.0.1.1"))).toEqual([]);
    expect(use("nonsense", null)).toEqual([]);
    // A producer that does not know the use before says nothing of it.
    expect(counted("token_used", { token_id: "t1", ip: "203.0.113.9" })).toEqual([]);
    expect(counted("token_used", { ip: "203.0.113.9", previous_use: null })).toEqual([]);
  });

  it("is a token that wakes after a week", () => {
    const rested = (ms: number) =>
      use("203.0.113.9", { at: toInstant(NOW - ms), ip: "203.0.113.9" }, { userId: "ada" });
    expect(rested(7 * DAY_MS)).toEqual([["dormant_tokens", "t1"]]);
    expect(rested(7 * DAY_MS - 1)).toEqual([]);
  });

  it("has at most 512 bytes of a caller's text, in whole characters", () => {
    const value = (endpoint: string) => counted("scope_violation", { endpoint })[0]?.[1];
    expect(value("x".repeat(512))).toBe("x".repeat(512));
    expect(value("x".repeat(513))).toBe("x".repeat(512));
    expect(value(`${"x".repeat(511)}é`)).toBe("x".repeat(511));
  });
});
