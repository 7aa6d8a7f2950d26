import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { HOUR_MS, MINUTE_MS, toInstant } from "../../shared/core/clock.ts";
import { createEvent, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { effectOfPolicies, type PolicyDay } from "../bench/evaluation/policy-effect.ts";
import { policyTables } from "../bench/evaluation/policy-report.ts";
import { RECOMMENDED } from "../bench/evaluation/recommended-policies.ts";

const START_MS = Date.parse("2026-12-01T10:00:00.000Z");
const at = (minutes: number) => START_MS + minutes * MINUTE_MS;

interface Who {
  readonly token?: string;
  readonly user?: string;
  readonly ip?: string;
}

const event = (eventType: string, minutes: number, { token, user, ip }: Who, more = {}) =>
  createEvent(
    { eventType, clientId: "app", userId: user, details: { token_id: token, ip, ...more } },
    at(minutes),
  );
const issued = (minutes: number, who: Who) =>
  event("token_issued", minutes, who, { expires_at: toInstant(at(minutes) + 8 * HOUR_MS) });
const used = (minutes: number, who: Who) => event("token_used", minutes, who);

/** An attacker steals and uses the owner's token. A neighbour shares the attacker's address. */
const OWNER = { token: "t1", user: "ada", ip: "192.0.2.1" };
const THIEF = { ...OWNER, ip: "203.0.113.66" };
const NEIGHBOUR = { token: "t2", user: "bob", ip: "203.0.113.66" };

const ordinary = [
  issued(0, OWNER),
  issued(0, { ...OWNER, token: "t3" }),
  issued(0, NEIGHBOUR),
  used(25, NEIGHBOUR),
  used(30, OWNER),
  used(40, NEIGHBOUR),
  issued(50, { ...OWNER, token: "t4" }),
  used(51, { ...OWNER, token: "t4" }),
];
const attack = [10, 15, 22, 26, 45].map((minutes) => used(minutes, THIEF));

const day = (opened: PolicyDay["opened"]): PolicyDay => ({
  events: [...ordinary, ...attack].toSorted((a, b) => (a.occurred_at < b.occurred_at ? -1 : 1)),
  labels: [
    { name: "theft", kind: "attack", eventIds: new Set(attack.map(({ id }: OAuthEvent) => id)) },
  ],
  opened,
});

const alert = (kind: string, id: string, minutes = 20, rule = "token_theft") => ({
  rule,
  subject: { kind, id },
  atMs: at(minutes),
});

const effect = (
  opened: PolicyDay["opened"],
  action: "block" | "revoke",
  blockMinutes = 60,
  ceiling?: number,
) => effectOfPolicies(day(opened), { token_theft: { action, blockMinutes } }, ceiling);

describe("effectOfPolicies", () => {
  it("denies only the attacker's calls when the stolen token is revoked", () => {
    expect(effect([alert("token", "t1")], "revoke")).toEqual({
      actions: 1,
      wrongActions: 0,
      wronglyRevokedTokens: 0,
      blockedCallerMinutes: 0,
      attacks: [{ name: "theft", calls: 5, callsBefore: 2, denied: 3 }],
    });
  });

  it("counts the user's other tokens as wrongly revoked, but not tokens issued later", () => {
    const { wronglyRevokedTokens, attacks } = effect([alert("user", "ada")], "revoke");
    expect(wronglyRevokedTokens).toBe(1);
    expect(attacks).toMatchObject([{ denied: 3 }]);
  });

  it("counts a token as wrongly revoked when no attacker used it before the revocation", () => {
    expect(effect([alert("token", "t2")], "revoke")).toMatchObject({
      wrongActions: 1,
      wronglyRevokedTokens: 1,
      attacks: [{ callsBefore: 5, denied: 0 }],
    });
    expect(effect([alert("token", "t1", 5)], "revoke").wronglyRevokedTokens).toBe(1);
  });

  it("counts the minutes for which a block denies legitimate callers, starting with their first denied call", () => {
    // The neighbour calls after 25 and 40 minutes. The block lasts from minute 20 to minute 80.
    expect(effect([alert("ip", "203.0.113.66")], "revoke")).toMatchObject({
      wrongActions: 0,
      wronglyRevokedTokens: 0,
      blockedCallerMinutes: 55,
      attacks: [{ callsBefore: 2, denied: 3 }],
    });
    expect(effect([alert("ip", "203.0.113.66")], "block", 10)).toMatchObject({
      blockedCallerMinutes: 5,
      attacks: [{ callsBefore: 2, denied: 2 }],
    });
  });

  it("ignores rules without a policy, outages, unknown clients, duplicates and actions beyond the limit", () => {
    const opened = [
      alert("ip", "203.0.113.66", 20, "scraping"),
      alert("reason", "unknown_token"),
      alert("client", "(none)"),
    ];
    expect(effect(opened, "block").actions).toBe(0);
    const same = [alert("token", "t1"), alert("token", "t1", 21)];
    expect(effect(same, "revoke").actions).toBe(1);
    expect(effect(same, "block").actions).toBe(1);
    expect(effect(same, "block", 1).actions).toBe(2);
    const many = [alert("token", "t1"), alert("token", "t2"), alert("user", "bob", 70)];
    expect(effect(many, "block", 60, 1).actions).toBe(2);
    expect(effect(many, "block", 60, 0).actions).toBe(0);
  });

  it("uses the recommended policies shown in docs/actions.md", () => {
    const page = readFileSync(new URL("../../docs/actions.md", import.meta.url), "utf8");
    expect(page).toContain(JSON.stringify({ responses: RECOMMENDED }, null, 2));
  });

  it("reports the effect of each rule and of the recommended policies", () => {
    const [cost, outcomes] = policyTables([day([alert("token", "t1")])]);
    expect(cost?.rows).toEqual([
      ["token_theft", "block", 1, 0, 0, 50, "100%"],
      ["token_theft", "revoke", 1, 0, 0, 0, "100%"],
      ["recommended: enforced", "", 1, 0, 0, 0, "100%"],
      ["recommended: every proposal approved immediately", "", 1, 0, 0, 0, "100%"],
    ]);
    expect(outcomes?.rows).toEqual([["theft", 5, "60%", 2, "60%", 2]]);
  });
});
