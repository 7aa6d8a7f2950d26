import { describe, expect, it } from "vitest";
import { getEventCounts } from "../../shared/audit-log/event-counts.ts";
import { DAY_MS, MINUTE_MS, toInstant } from "../../shared/core/clock.ts";
import { findAnomalies } from "../../shared/detection/rules/find-anomalies.ts";
import type { SeenEvent } from "../../shared/detection/rules/seen-event.ts";
import { quietSnapshot } from "../quiet-snapshot.ts";
import { eventsBefore, rules } from "../seen-events.ts";

const NOW = Date.parse("2026-11-25T14:00:00.000Z");

const HOME = { ip: "10.1.2.3", network: "10.1.0.0/16", agent: "Firefox on Linux" };
const ELSEWHERE = { ...HOME, ip: "203.0.113.9", network: "203.0.0.0/16" };
const THIEF = { ...ELSEWHERE, agent: "curl" };

const createEvent = eventsBefore(NOW);
const event = (minutesAgo: number, ...parts: readonly Partial<SeenEvent>[]) =>
  createEvent(minutesAgo, { sessionId: "s1" }, ...parts);

/** Creates one call a day for a week. */
const habits = Array.from({ length: 7 }, (_, day) =>
  event(((7 - day) * DAY_MS) / MINUTE_MS, HOME, { tokenId: `old-${day}`, sessionId: `o-${day}` }),
);
const found = (...events: readonly SeenEvent[]) =>
  findAnomalies(
    quietSnapshot(NOW, { principals: new Map([["user:ada", [...habits, ...events]]]) }),
    rules,
  ).filter(({ rule }) => rule.name === "ended_access");

const before = event(100, HOME);
const signedOut = event(60, { type: "session_ended", ...HOME, tokenId: undefined });
const denied = (minutesAgo: number, at: Partial<SeenEvent>) =>
  event(minutesAgo, at, {
    type: "auth_failed",
    reason: "refresh_token_invalid",
    tokenId: undefined,
    sessionId: undefined,
  });

describe("ended_access", () => {
  it("alerts on a session that is used in a different location after the user signed out", () => {
    expect(found(before, signedOut, event(10, ELSEWHERE), event(5, THIEF))).toMatchObject([
      {
        subject: { kind: "user", id: "ada" },
        score: 75,
        observed: 2,
        involved: expect.arrayContaining([
          { kind: "ip", id: "203.0.113.9" },
          { kind: "token", id: "t1" },
        ]),
        evidence: { ended_by: "the session ended", ended_at: toInstant(signedOut.atMs) },
      },
    ]);
    const sameNetwork = { ...HOME, ip: "10.1.2.9", agent: "curl" };
    expect(found(before, signedOut, event(10, sameNetwork))).toMatchObject([{ score: 50 }]);
    // A user takes a laptop to a different network and keeps using the same program.
    expect(found(before, signedOut, event(10, ELSEWHERE))).toEqual([]);
  });

  it("ignores apps that keep calling from their usual location, and calls within the grace period", () => {
    expect(found(before, signedOut, event(10, HOME))).toEqual([]);
    expect(found(before, signedOut, event(58.1, THIEF))).toEqual([]);
    expect(found(before, signedOut, event(58, THIEF))).toHaveLength(1);
  });

  it("alerts on only the ended session and the revoked token", () => {
    const other = { sessionId: "s2", tokenId: "t2" };
    expect(found(before, signedOut, event(10, THIEF, other))).toEqual([]);
    const revoked = event(60, { type: "token_revoked", sessionId: undefined });
    expect(found(before, revoked, event(10, THIEF, { sessionId: undefined }))).toHaveLength(1);
    expect(found(before, revoked, event(10, THIEF, other))).toEqual([]);
  });

  it("treats earlier access as ended after a password change, but with a lower score", () => {
    const changed = event(60, HOME, { type: "auth0_scp", code: "scp", tokenId: undefined });
    expect(found(before, changed, event(10, THIEF))).toMatchObject([{ score: 65 }]);
    // A traveller changed the password and keeps using the same program.
    expect(found(before, changed, event(10, ELSEWHERE))).toEqual([]);
    expect(found(before, changed, event(10, THIEF, { sessionId: "s2", tokenId: "t2" }))).toEqual(
      [],
    );
  });

  it("alerts on the use of a refresh token after sign-out unless it comes from the user's own program", () => {
    expect(found(before, signedOut, denied(5, THIEF))).toMatchObject([
      { score: 75, evidence: { denied: 1 } },
    ]);
    expect(found(before, signedOut, denied(5, HOME))).toEqual([]);
    expect(found(before, signedOut, denied(5, ELSEWHERE))).toEqual([]);
    // The token expired, so no access was ended.
    expect(found(before, denied(5, THIEF))).toEqual([]);
  });

  it("ignores a principal without history", () => {
    const snapshot = quietSnapshot(NOW, {
      principals: new Map([["user:ada", [signedOut, event(10, THIEF)]]]),
    });
    expect(findAnomalies(snapshot, rules)).toEqual([]);
  });

  it("examines users whose refresh token was rejected", () => {
    const counts = getEventCounts({
      id: "01a20a27-c018-77ee-b68a-e9fb2689fda9",
      event_type: "auth_failed",
      occurred_at: toInstant(NOW),
      oauth_client_id: "app",
      user_id: "ada",
      event_data: { reason: "refresh_token_invalid" },
    });
    expect(counts).toContainEqual(
      expect.objectContaining({
        kind: "denied_principals",
        subject: { oauth_client_id: "app", value: "user:ada" },
      }),
    );
  });
});
