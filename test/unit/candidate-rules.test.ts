import { describe, expect, it } from "vitest";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, toInstant } from "../../shared/core/clock.ts";
import { clientsInNewNetworks, findCandidateClients } from "../../shared/detection/candidates.ts";
import { isSensitive, toRisk } from "../../shared/detection/rules/risk.ts";
import {
  type SeenEvent,
  toSeenEvent,
  toTemplate,
} from "../../shared/detection/rules/seen-event.ts";
import { isCredentialGuess } from "../../shared/events/event-facts.ts";
import { parseAgent } from "../../shared/events/user-agent.ts";
import { eventsBefore, findAt, location, ofAda, usesBefore } from "../seen-events.ts";

/** A Monday. */
const NOW = Date.parse("2026-11-23T10:00:00.000Z");

const found = findAt(NOW);

const event = eventsBefore(NOW);

const HOME = location("10.1.2.3", "Firefox on Linux");

const history = (where: Partial<SeenEvent> = HOME) => usesBefore(NOW, where);

describe("token_theft", () => {
  const theft = (...uses: readonly SeenEvent[]) =>
    found(ofAda(...history(), event(100, HOME), event(90, HOME), ...uses));

  it("alerts on a different user agent with the same token in any network", () => {
    expect(theft(event(5, location("203.0.113.9", "curl")))).toMatchObject([
      {
        rule: "token_theft",
        subject: { kind: "token", id: "t1" },
        clientId: "app",
        score: 85,
        involved: expect.arrayContaining([
          { kind: "user", id: "ada" },
          { kind: "ip", id: "203.0.113.9" },
        ]),
        windowStart: toInstant(NOW - 2 * HOUR_MS),
        evidence: { usual_networks: ["10.1.0.0/16"], usual_user_agents: ["Firefox on Linux"] },
      },
    ]);
    // The attacker is in the victim's network, then even at the same address.
    expect(theft(event(5, location("10.1.99.9", "curl")))).toMatchObject([{ score: 60 }]);
    expect(theft(event(5, location("10.1.2.3", "curl")))).toMatchObject([{ score: 55 }]);
  });

  it("alerts on a new network that is busy or alternates with the usual one, but ignores travellers", () => {
    const away = location("203.0.113.9", HOME.agent);
    expect(theft(event(5, away))).toEqual([]);
    expect(theft(...[9, 8, 7, 6, 5].map((ago) => event(ago, away)))).toEqual([]);
    const inTurn = [9, 8, 7, 6, 5].map((ago) => event(ago, ago % 2 ? away : HOME));
    expect(theft(...inTurn)).toMatchObject([{ score: 50 }]);
    const busy = Array.from({ length: 40 }, (_, n) => event(9 - n / 10, away));
    expect(theft(...busy)).toMatchObject([{ score: 45 }]);
  });

  it("ignores users who move often, sign in again or use both IP versions", () => {
    const phone = location("100.64.1.1", HOME.agent);
    const roaming = [...history(), ...history(phone)].sort((a, b) => a.atMs - b.atMs);
    const other = location("100.70.1.1", HOME.agent);
    const inTurn = [9, 8, 7, 6, 5].map((ago) => event(ago, ago % 2 ? other : HOME));
    expect(found(ofAda(...roaming, event(90, HOME), ...inTurn))).toEqual([]);
    const device = location("203.0.113.9", "Safari on iOS");
    const own = [event(9, device, { type: "token_issued", tokenId: "t2" })];
    expect(theft(...own, event(8, device, { tokenId: "t2" }))).toEqual([]);
    const ipv6 = { ip: "2001:db8::1", network: "2001:0db8::/32", agent: HOME.agent };
    const dual = [9, 8, 7, 6, 5].map((ago) => event(ago, ago % 2 ? ipv6 : HOME));
    expect(theft(...dual)).toEqual([]);
  });

  it("alerts on a different user agent with the same session", () => {
    const session = { sessionId: "s1" };
    const events = [
      event(50, HOME, session),
      event(5, location("10.1.2.3", "curl"), session, { tokenId: "t9" }),
    ];
    const raised = [{ rule: "token_theft", subject: { id: "t9" }, score: 55 }];
    expect(found(ofAda(...history(), ...events))).toMatchObject(raised);
    // Getting a token from a session doesn't make the user agent known.
    const issued = event(6, location("10.1.2.3", "curl"), { type: "token_issued", tokenId: "t9" });
    const got = [...events.slice(0, 1), issued, ...events.slice(1)];
    expect(found(ofAda(...history(), ...got))).toMatchObject(raised);
  });

  it("ignores two user agents per token when the client's tokens are always used by two", () => {
    const pair = (user: string) => {
      const old = [HOME, location("10.9.0.1", "node")].map((at, n) =>
        event(2000 - n, at, { userId: user, tokenId: `of-${user}` }),
      );
      return [`user:${user}`, old] as const;
    };
    const novelty = [event(20, HOME), event(5, location("10.9.0.1", "node"))];
    const all = new Map([
      pair("a"),
      pair("b"),
      pair("c"),
      ["user:ada", [...history(), ...novelty]],
    ]);
    expect(found({ principals: all })).toEqual([]);
    all.delete("user:c");
    expect(found({ principals: all })).toHaveLength(1);
  });
});

describe("revoked_token", () => {
  const late = { type: "auth_failed", reason: "revoked_token" };
  const revokedAt = new Map([["t1", toInstant(NOW - 60 * MINUTE_MS)]]);
  const used = (at: Partial<SeenEvent>, ago = 5) =>
    found({ ...ofAda(...history(), event(100, HOME), event(ago, at, late)), revokedAt });

  it("alerts on an unknown caller but not on the client itself, which doesn't know about the revocation", () => {
    expect(used(HOME)).toEqual([]);
    expect(used(location("203.0.113.9", "curl"))).toMatchObject([
      { rule: "revoked_token", subject: { kind: "token", id: "t1" }, score: 80, observed: 1 },
    ]);
    expect(used(location("203.0.113.9", HOME.agent))).toMatchObject([{ score: 50 }]);
    // Within the grace period, a new network alone may be a moving client.
    expect(used(location("203.0.113.9", HOME.agent), 50)).toEqual([]);
  });

  it("alerts on a token without other history only after the grace period", () => {
    const alone = { principals: new Map([["token:t1", [event(5, late)]]]) };
    expect(found({ ...alone, revokedAt })).toMatchObject([{ score: 45 }]);
    expect(found(alone)).toEqual([]);
  });
});

describe("dead_tokens", () => {
  const dead = (user: string) =>
    event(5, { type: "auth_failed", reason: "expired_token", userId: user, tokenId: `of-${user}` });
  const users = ["a", "b", "c", "d", "e"];
  const at = (...events: readonly SeenEvent[]) =>
    found({ addresses: new Map([["203.0.113.9", events]]) });

  it("alerts on an address that tries tokens belonging to principals who were never seen there", () => {
    expect(at(...users.slice(1).map(dead))).toEqual([]);
    expect(at(...users.map(dead))).toMatchObject([
      { rule: "dead_tokens", subject: { kind: "ip", id: "203.0.113.9" }, observed: 5, score: 80 },
    ]);
  });

  it("ignores an office or carrier whose principals were allowed there before", () => {
    const allowed = users.map((userId) => event(300, { userId }));
    expect(at(...allowed, ...users.map(dead))).toEqual([]);
    const others = ["v", "w", "x"].map((userId) => event(300, { userId }));
    expect(at(...others, ...users.map(dead))).toEqual([]);
  });
});

describe("scope_probing", () => {
  const rejected = (ago: number, n: number, user = "ada") =>
    event(ago, HOME, {
      type: "scope_violation",
      endpoint: `/api/adapter-${"abcdefgh"[n]}`,
      userId: user,
      scopes: ["x:write"],
    });

  it("alerts on a principal that is denied at many endpoints, no matter how slowly", () => {
    const slow = (adapters: number) =>
      found(
        ofAda(...Array.from({ length: adapters }, (_, n) => rejected((adapters - n) * 60 - 30, n))),
      );
    expect(slow(4)).toEqual([]);
    expect(slow(5)).toMatchObject([
      { rule: "scope_probing", subject: { kind: "token", id: "t1" }, observed: 5, score: 45 },
    ]);
    const same = Array.from({ length: 40 }, (_, n) => rejected(40 - n, 0));
    expect(found(ofAda(...same))).toEqual([]);
  });

  it("ignores many principals that a new release sends to the same forbidden endpoints", () => {
    const all = ["ada", "bob", "eve"].map((user) => {
      const events = Array.from({ length: 6 }, (_, n) => rejected(20 - n, n, user));
      return [`user:${user}`, events] as const;
    });
    expect(found({ principals: new Map(all) })).toEqual([]);
    expect(found({ principals: new Map(all.slice(1)) })).toHaveLength(2);
  });
});

describe("success_after_failures", () => {
  const fail = (
    reason: string,
    ago: number,
    at: Partial<SeenEvent> = location("203.0.113.9", "curl"),
  ) => event(ago, at, { type: "auth_failed", reason, tokenId: undefined });
  const signIn = (ago: number, at: Partial<SeenEvent>) =>
    event(ago, at, { type: "session_started", tokenId: undefined });
  const thief = location("203.0.113.9", "curl");

  it("alerts on a user who confirmed the second factor after several rejections", () => {
    const pushes = [30, 25, 20].map((ago) => fail("mfa_rejected", ago));
    expect(found(ofAda(...history(), ...pushes, signIn(10, thief)))).toMatchObject([
      { rule: "success_after_failures", subject: { kind: "user", id: "ada" }, score: 90 },
    ]);
    expect(found(ofAda(...history(), ...pushes))).toEqual([]);
  });

  it("alerts on a guessed password but not a user who forgot it in the usual location", () => {
    const tries = (at: Partial<SeenEvent>) =>
      [30, 28, 26, 24, 22].map((ago) => fail("wrong_password", ago, at));
    expect(found(ofAda(...history(), ...tries(thief), signIn(10, thief)))).toHaveLength(1);
    expect(found(ofAda(...history(), ...tries(HOME), signIn(10, HOME)))).toEqual([]);
    expect(found(ofAda(...history(), ...tries(thief).slice(1), signIn(10, thief)))).toEqual([]);
  });

  it("alerts on an address with credential guesses and a success unless other users were allowed there before", () => {
    const credentialGuesses = Array.from({ length: 10 }, (_, n) => fail("unknown_token", 40 - n));
    const at = (...events: readonly SeenEvent[]) =>
      found({ addresses: new Map([["203.0.113.9", events]]) });
    expect(at(...credentialGuesses, event(5, thief))).toMatchObject([
      { rule: "success_after_failures", subject: { kind: "ip", id: "203.0.113.9" }, score: 90 },
    ]);
    expect(at(event(300, thief), ...credentialGuesses, event(5, thief))).toEqual([]);
    expect(at(...credentialGuesses.slice(1), event(5, thief))).toEqual([]);
  });
});

describe("scraping", () => {
  const HOUR = Math.floor((NOW - 1) / HOUR_MS) * HOUR_MS;
  const sampled = (user: string, now: number, before = 1) => ({
    principal: `user:${user}`,
    clientId: "app",
    hours: new Map([
      [HOUR, now],
      [HOUR - 26 * HOUR_MS, before],
    ]),
  });
  const peers = ["b", "c", "d"].map((user) => sampled(user, 2, 2));

  it("alerts on a principal that calls far more often than before and than the client's other principals", () => {
    const scraper = (now: number, before = 1) =>
      found({ sampledUses: [...peers, sampled("ada", now, before)] });
    expect(scraper(60)).toMatchObject([
      { rule: "scraping", subject: { kind: "user", id: "ada" }, observed: 60 * 44, score: 50 },
    ]);
    expect(scraper(15)).toEqual([]);
    expect(scraper(40, 15)).toEqual([]);
    const busy = ["b", "c"].map((user) => sampled(user, 50, 50));
    expect(found({ sampledUses: [...busy, sampled("ada", 60)] })).toEqual([]);
  });

  it("ignores a service with many calls unless it walks through resources", () => {
    const batch = { ...sampled("x", 60, 0), principal: "token:t1" };
    expect(found({ sampledUses: [...peers, batch] })).toEqual([]);
    const walk = Array.from({ length: 200 }, (_, n) =>
      event(60 - n / 4, HOME, { userId: undefined, endpoint: `/api/orders/${n + 10}` }),
    );
    const principals = new Map([["token:t1", walk]]);
    expect(found({ sampledUses: [...peers, batch], principals })).toMatchObject([{ score: 45 }]);
  });

  it("detects a walk through resources from the events, even at a lower call volume", () => {
    const quiet = ["b", "c", "d"].map((user) => sampled(user, 1, 1));
    const walk = (calls: number, endpoint: (n: number) => string) =>
      found({
        sampledUses: [...quiet, sampled("ada", 2)],
        ...ofAda(
          event(26 * 60, HOME),
          ...Array.from({ length: calls }, (_, n) =>
            event(100 - (90 * n) / calls, HOME, { endpoint: endpoint(n) }),
          ),
        ),
      });
    const anywhere = (n: number) => `/api/orders/${1000 + ((n * 37) % 101)}`;
    expect(walk(50, anywhere)).toEqual([]);
    expect(walk(100, anywhere)).toMatchObject([
      {
        rule: "scraping",
        score: 45,
        observed: 100,
        evidence: { resources: 100, endpoint: "/api/orders/*" },
      },
    ]);
    expect(walk(100, () => "/api/orders/1")).toEqual([]);
    // Sequential IDs need fewer calls.
    expect(walk(50, (n) => `/api/orders/${1000 + 3 * n}`)).toMatchObject([{ score: 40 }]);
    expect(walk(50, (n) => `/api/orders/${1000 + 11 * n}`)).toEqual([]);
    expect(walk(39, (n) => `/api/orders/${1000 + n}`)).toEqual([]);
  });

  it("alerts on a slow scraper below the hourly limits but not a user who always calls that often", () => {
    const quiet = ["b", "c", "d"].map((user) => sampled(user, 1, 1));
    const slow = (hoursAgo: number) =>
      Array.from({ length: 200 }, (_, n) => event(hoursAgo * 60 + 360 - n * 1.8, HOME));
    const uses = (...events: readonly SeenEvent[]) =>
      found({ sampledUses: [...quiet, sampled("ada", 2)], ...ofAda(...events) });
    expect(uses(event(30 * 60, HOME), ...slow(0))).toMatchObject([
      { rule: "scraping", subject: { id: "ada" }, observed: 200, score: 40, threshold: 150 },
    ]);
    expect(uses(...slow(30), ...slow(0))).toEqual([]);
    // The client's other users call as much.
    const busy = ["b", "c", "d"].map((user) => sampled(user, 2, 2));
    expect(found({ sampledUses: [...busy, sampled("ada", 2)], ...ofAda(...slow(0)) })).toEqual([]);
  });
});

describe("issuance_rate", () => {
  const hours = (count: number) =>
    new Map(Array.from({ length: 40 }, (_, n) => [NOW - (n + 2) * HOUR_MS, count]));
  const client = (usual: number, lastHour: number) => [
    { clientId: "app", lastHour, hours: hours(usual), firstSeenMs: NOW - 14 * DAY_MS },
  ];

  it("alerts on unused tokens and tokens requested from a new location, but not an app launch", () => {
    expect(found({ issuance: client(10, 200), uses: client(50, 100) })).toMatchObject([
      { rule: "issuance_rate", score: 50, evidence: { uses_a_token: 0.5, usual_uses_a_token: 5 } },
    ]);
    expect(found({ issuance: client(10, 200), uses: client(50, 1000) })).toEqual([]);
    // Many users who have just signed in haven't called yet.
    const signIns = Array.from({ length: 30 }, (_, n) =>
      event(5, HOME, { type: "token_issued", userId: `user-${n}` }),
    );
    expect(
      found({
        issuance: client(10, 200),
        uses: client(50, 100),
        clients: new Map([["app", signIns]]),
      }),
    ).toEqual([]);
    const issues = [
      event(100, HOME, { type: "token_issued", userId: undefined }),
      event(5, location("203.0.113.9", "curl"), { type: "token_issued", userId: undefined }),
    ];
    expect(
      found({
        issuance: client(10, 200),
        uses: client(50, 1000),
        clients: new Map([["app", issues]]),
      }),
    ).toMatchObject([{ score: 55 }]);
  });

  it("ignores a fleet in which each machine requests and uses its own token", () => {
    const fleet = (machines: number, agent: string) =>
      found({
        issuance: client(10, 200),
        uses: client(50, 200),
        clients: new Map([
          [
            "app",
            [
              event(100, HOME, { type: "token_issued", userId: undefined }),
              ...Array.from({ length: 40 }, (_, n) =>
                event(5, location(`203.0.113.${n % machines}`, agent), {
                  type: "token_issued",
                  userId: undefined,
                }),
              ),
            ],
          ],
        ]),
      });
    expect(fleet(40, HOME.agent)).toEqual([]);
    expect(fleet(2, HOME.agent)).toHaveLength(1);
    expect(fleet(40, "curl")).toHaveLength(1);
  });
});

describe("consent_phishing", () => {
  const firstSeenMs = new Map([
    ["old", NOW - 14 * DAY_MS],
    ["new", NOW - 2 * HOUR_MS],
  ]);
  const given = (server: (n: number) => Partial<SeenEvent>) =>
    Array.from({ length: 12 }, (_, n) => [
      event(90 - n, {
        type: "token_issued",
        clientId: "new",
        userId: `u${n}`,
        scopes: ["mail:write"],
      }),
      event(60 - n, server(n), { clientId: "new", userId: `u${n}` }),
    ]).flat();
  const from = (server: (n: number) => Partial<SeenEvent>, seenMs = firstSeenMs) =>
    found({ clients: new Map([["new", given(server)]]), firstSeenMs: seenMs });

  it("alerts on a new client whose tokens are all used in one location, but not an app launch", () => {
    expect(from(() => location("203.0.113.9", "python"))).toMatchObject([
      { rule: "consent_phishing", subject: { kind: "client", id: "new" }, score: 65, observed: 12 },
    ]);
    expect(from((n) => location(`10.${n}.0.1`, "Safari on iOS"))).toEqual([]);
    const all = new Map([
      ["old", NOW - 14 * DAY_MS],
      ["new", NOW - 13 * DAY_MS],
    ]);
    expect(from(() => location("203.0.113.9", "python"), all)).toEqual([]);
  });
});

describe("consent_phishing for a known client", () => {
  const issuance = [
    {
      clientId: "old",
      lastHour: 20,
      hours: new Map(Array.from({ length: 40 }, (_, n) => [NOW - (n + 2) * HOUR_MS, 1])),
      firstSeenMs: NOW - 14 * DAY_MS,
    },
  ];
  const ofOld = (ago: number, user: string, type: string) =>
    event(ago, { type, clientId: "old", userId: user, tokenId: `of-${user}-${ago > 200}` });
  const raised = (users: (n: number) => string, ...uses: readonly SeenEvent[]) =>
    found({
      firstSeenMs: new Map([["old", NOW - 14 * DAY_MS]]),
      issuance,
      uses: [{ clientId: "old", lastHour: 100, hours: new Map(), firstSeenMs: 0 }],
      clients: new Map([
        [
          "old",
          [
            ...["ada", "bob", "cyd"].map((user) => ofOld(300, user, "token_issued")),
            ...Array.from({ length: 20 }, (_, n) => ofOld(55 - n, users(n), "token_issued")),
            ...uses,
          ],
        ],
      ]),
    }).filter(({ rule }) => rule === "consent_phishing");
  const strangers = (n: number) => `u${n}`;

  it("alerts on unusually many new users whose tokens are never used", () => {
    expect(raised(strangers)).toMatchObject([
      { subject: { kind: "client", id: "old" }, observed: 20, score: 45 },
    ]);
  });

  it("ignores returning users, and a launch that brings active users", () => {
    const calls = Array.from({ length: 20 }, (_, n) => ofOld(50 - n, strangers(n), "token_used"));
    expect(raised(strangers, ...calls)).toEqual([]);
    // These users' tokens were revoked. Their denied calls still count as calls.
    const rejected = Array.from({ length: 20 }, (_, n) =>
      ofOld(50 - n, strangers(n), "auth_failed"),
    );
    expect(raised(strangers, ...rejected)).toEqual([]);
    expect(raised((n) => ["ada", "bob", "cyd"][n % 3] ?? "ada")).toEqual([]);
  });
});

describe("admin_change", () => {
  const did = (parts: Partial<SeenEvent>) =>
    found({ administration: [event(1, { type: "admin_activity", userId: "root" }, parts)] });

  it("alerts on only changes that weaken the identity provider", () => {
    expect(did({ code: "policy.rule.deactivate" })).toMatchObject([
      { rule: "admin_change", subject: { kind: "user", id: "root" }, score: 75 },
    ]);
    expect(
      did({ code: "sapi", message: "Delete multi-factor authentication factor" }),
    ).toHaveLength(1);
    expect(did({ code: "mgmt_api_read", reason: "secret_read" })).toMatchObject([{ score: 45 }]);
    expect(did({ message: "Update client callback URLs" })).toMatchObject([{ score: 60 }]);
    for (const trusted of [
      { code: "system.idp.lifecycle.create" },
      { code: "Set federation settings on domain" },
    ]) {
      expect(did(trusted)).toMatchObject([{ score: 60 }]);
    }
    expect(did({ code: "Disable Strong Authentication" })).toMatchObject([{ score: 75 }]);
    expect(did({ code: "system.idp.lifecycle.read_client_secret" })).toMatchObject([{ score: 45 }]);
    expect(did({ message: "Update branding settings" })).toEqual([]);
  });

  it("distinguishes attempts from changes and raises only attempts at serious changes", () => {
    const attempt = { code: "policy.rule.deactivate", isFailed: true };
    expect(did(attempt)).toMatchObject([
      {
        score: 55,
        message: expect.stringContaining("root tried and failed to disable a protection"),
      },
    ]);
    expect(did({ message: "Update client callback URLs", isFailed: true })).toHaveLength(1);
    expect(did({ reason: "secret_read", isFailed: true })).toEqual([]);
    const data = { outcome: "failure" };
    const read = { event_type: "admin_activity", occurred_at: toInstant(NOW), event_data: data };
    expect(toSeenEvent(read).isFailed).toBe(true);
    expect(toSeenEvent({ ...read, event_data: {} }).isFailed).toBeUndefined();
  });
});

describe("device_phishing", () => {
  const issued = (at: Partial<SeenEvent>, parts: Partial<SeenEvent> = {}) =>
    found(
      ofAda(
        ...history(),
        event(5, at, { type: "token_issued", tokenId: "t9", isDevice: true, ...parts }),
      ),
    ).filter(({ rule }) => rule === "device_phishing");
  const elsewhere = location("203.0.113.9", "python-requests");

  it("alerts on a device code whose token is used in a location where the user was never seen", () => {
    expect(issued(elsewhere)).toMatchObject([
      { subject: { kind: "user", id: "ada" }, score: 45, observed: 1 },
    ]);
    expect(issued(elsewhere, { scopes: ["mail:write"] })).toMatchObject([{ score: 60 }]);
    // One case is a television in the usual location, the other a sign-in without a device code.
    expect(issued(HOME)).toEqual([]);
    expect(issued(elsewhere, { isDevice: undefined })).toEqual([]);
    // A user without history has no unusual location.
    const first = event(5, elsewhere, { type: "token_issued", isDevice: true });
    expect(found(ofAda(first))).toEqual([]);
  });
});

describe("registration_spike", () => {
  const registered = (count: number, parts: Partial<SeenEvent> = {}) =>
    found({
      administration: Array.from({ length: count }, (_, n) =>
        event(5 - n / 10, {
          type: "admin_activity",
          ip: "203.0.113.9",
          code: "app.oauth2.client.lifecycle.create",
          ...parts,
        }),
      ),
    }).filter(({ rule }) => rule === "registration_spike");

  it("alerts on one source that registers many clients but ignores other administration", () => {
    expect(registered(4)).toEqual([]);
    expect(registered(5)).toMatchObject([
      { subject: { kind: "ip", id: "203.0.113.9" }, observed: 5, score: 60 },
    ]);
    expect(registered(5, { ip: undefined })).toMatchObject([
      { subject: { kind: "user", id: "ada" } },
    ]);
    expect(registered(5, { code: "CLIENT_REGISTER" })).toHaveLength(1);
    expect(registered(5, { code: "registration_create.success" })).toHaveLength(1);
    expect(registered(9, { code: "registration_delete.success" })).toEqual([]);
    expect(registered(9, { code: "user.lifecycle.create" })).toEqual([]);
    expect(registered(9, { code: "app.oauth2.client.secret.create" })).toEqual([]);
  });
});

describe("dormant_token without audit history", () => {
  const woken = (previousNetwork?: string) =>
    found({
      dormantTokens: [
        { clientId: "app", value: "t1", minutes: new Map([[NOW - 5 * MINUTE_MS, 1]]) },
      ],
      principals: new Map([["token:t1", [event(5, HOME, { userId: undefined, previousNetwork })]]]),
    });

  it("alerts on a token that is used in a different network than before", () => {
    expect(woken("10.9.0.0/16")).toMatchObject([
      { rule: "dormant_token", evidence: { is_new_network: true } },
    ]);
    expect(woken(HOME.network)).toEqual([]);
    expect(woken()).toEqual([]);
  });

  it("reads the previous use's network from the event", () => {
    const read = (previous_use: unknown) =>
      toSeenEvent({
        event_type: "token_used",
        occurred_at: toInstant(NOW),
        event_data: { ip: "203.0.113.9", previous_use },
      }).previousNetwork;
    expect(read({ at: toInstant(NOW - DAY_MS), ip: "10.9.1.1" })).toBe("10.9.0.0/16");
    for (const odd of [null, undefined, 7, "10.9.1.1", [], { ip: 7 }]) {
      expect(read(odd)).toBeUndefined();
    }
  });
});

describe("findCandidateClients", () => {
  const look = (hours: ReadonlyMap<number, number>, lastHour: number, ageDays: number) =>
    findCandidateClients(
      {
        issuance: [{ clientId: "new", lastHour, hours, firstSeenMs: NOW - ageDays * DAY_MS }],
        firstSeenMs: new Map([["new", NOW - ageDays * DAY_MS]]),
        historyStartMs: NOW - 14 * DAY_MS,
        nowMs: NOW,
      },
      [],
      parseMonitoringConfig({}).anomalies,
    );
  const shardCount = new Map([3, 4, 5].map((back) => [NOW - back * HOUR_MS, 4] as const));

  it("returns a new client that obtained tokens slowly and then paused", () => {
    expect(look(shardCount, 0, 1)).toEqual(["new"]);
    expect(look(new Map([[NOW - 3 * HOUR_MS, 9]]), 0, 1)).toEqual([]);
    expect(look(new Map([[NOW - 30 * HOUR_MS, 12]]), 0, 2)).toEqual([]);
    expect(look(shardCount, 0, 8)).toEqual([]);
  });
});

describe("idle_client", () => {
  const idle = (lastUseDaysAgo: number, location: string, known = "10.1.0.0/16") =>
    found({
      uses: [
        {
          clientId: "job",
          lastHour: 12,
          hours: new Map([
            [NOW - lastUseDaysAgo * DAY_MS, 30],
            [NOW - HOUR_MS, 12],
          ]),
          firstSeenMs: NOW - 14 * DAY_MS,
        },
      ],
      serviceNetworks: [
        { clientId: "job", value: location, minutes: new Map([[NOW - 5 * MINUTE_MS, 1]]) },
      ],
      knownNetworks: new Map([
        [
          "job",
          [
            {
              network: known,
              firstSeenAt: toInstant(NOW - 60 * DAY_MS),
              lastSeenAt: toInstant(NOW - 12 * DAY_MS),
              raised: false,
            },
          ],
        ],
      ]),
      clientAgents: new Map([
        [
          "job",
          new Map([
            ["okhttp", NOW - 60 * DAY_MS],
            ["curl", NOW - 5 * MINUTE_MS],
          ]),
        ],
      ]),
    }).filter(({ rule }) => rule === "idle_client");

  it("alerts on an idle service that resumes in a new location or with a different program, but not a monthly job", () => {
    expect(idle(12, "203.0.0.0/16 okhttp")).toMatchObject([
      { subject: { kind: "client", id: "job" }, observed: 12, score: 45 },
    ]);
    expect(idle(12, "10.1.0.0/16 curl")).toMatchObject([{ score: 50 }]);
    expect(idle(12, "10.1.0.0/16 okhttp")).toEqual([]);
    // The client was used a day ago.
    expect(idle(1, "203.0.0.0/16 okhttp")).toEqual([]);
  });
});

describe("outage", () => {
  const rejected = (clients: number, count: number, reason = "expired_token") => ({
    failedReasons: Array.from({ length: clients }, (_, n) => ({
      clientId: `client-${n}`,
      value: reason,
      minutes: new Map([[NOW - 5 * MINUTE_MS, count]]),
    })),
  });

  it("raises a single finding when many clients fail at the same time for the same reason", () => {
    expect(found(rejected(4, 10))).toMatchObject([
      { rule: "outage", subject: { kind: "reason", id: "expired_token" }, observed: 40, score: 20 },
    ]);
    expect(found(rejected(3, 100))).toEqual([]);
    expect(found(rejected(4, 9))).toEqual([]);
    // Credential guesses against many clients are an attack, not an outage.
    expect(found(rejected(4, 100, "unknown_token"))).toEqual([]);
  });
});

describe("toSeenEvent, parseAgent, toTemplate and toRisk", () => {
  it("reduce a user agent to family and platform without versions", () => {
    const agents: readonly (readonly [string, string])[] = [
      [
        "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
        "Firefox on Linux",
      ],
      [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        "Chrome on Windows",
      ],
      [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0",
        "Edge on Windows",
      ],
      [
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15",
        "Safari on macOS",
      ],
      ["Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) Shop/8.4", "Shop on iOS"],
      ["okhttp/5.1.0", "okhttp"],
      ["python-httpx/0.28.1", "python-httpx"],
      ["curl/8.14.1", "curl"],
      ["Mozilla/5.0", "unknown"],
    ];
    for (const [text, agent] of agents) expect(parseAgent(text)).toBe(agent);
    expect(
      parseAgent("Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"),
    ).toBe("Firefox on Linux");
    for (const none of [undefined, "", "  ", 7]) expect(parseAgent(none)).toBeUndefined();
    expect(parseAgent(`${"(".repeat(5000)}x`)?.length).toBeLessThanOrEqual(64);
  });

  it("replace resource IDs in an endpoint", () => {
    expect(toTemplate("/api/v1/orders/42/items")).toBe("/api/v1/orders/*/items");
    expect(toTemplate("/users/6f1d2c3b-0000-4000-8000-000000000000")).toBe("/users/*");
    expect(toTemplate("/api/orders")).toBe("/api/orders");
  });

  it("drop invalid values", () => {
    const read = toSeenEvent({
      event_type: "token_used",
      occurred_at: toInstant(NOW),
      event_data: { ip: 7, endpoint: {}, scopes: ["a", 1], user_agent: "curl/8", session_id: "" },
    });
    expect(read).toMatchObject({ atMs: NOW, scopes: ["a"], agent: "curl" });
    expect([read.ip, read.network, read.endpoint, read.sessionId]).toEqual(
      Array(4).fill(undefined),
    );
    expect(
      isCredentialGuess("unknown_token") &&
        !isCredentialGuess("expired_token") &&
        !isCredentialGuess(undefined),
    ).toBe(true);
  });

  it("derive the risk from a score and from how sensitive the scope is", () => {
    expect([39, 40, 69, 70].map(toRisk)).toEqual(["low", "medium", "medium", "high"]);
    for (const scope of ["api:write", "offline_access", "users.admin", "delete"]) {
      expect(isSensitive(scope)).toBe(true);
    }
    for (const scope of ["api:read", "openid", "rewrite"]) expect(isSensitive(scope)).toBe(false);
  });
});

describe("clientsInNewNetworks", () => {
  it("returns clients in an unknown network and established clients without known networks", () => {
    const counts = [
      { clientId: "service", value: "203.0.0.0/16 curl", minutes: new Map([[NOW - MINUTE_MS, 1]]) },
    ];
    const scope = { sinceMs: NOW - 10 * MINUTE_MS, nowMs: NOW, maxCandidates: 60 };
    const known = (...networks: readonly (readonly [string, number])[]) =>
      new Map([
        [
          "service",
          networks.map(([network, hoursAgo]) => ({
            network,
            firstSeenAt: toInstant(NOW - hoursAgo * HOUR_MS),
            lastSeenAt: toInstant(NOW - hoursAgo * HOUR_MS),
            raised: false,
          })),
        ],
      ]);
    const look = (networks: ReturnType<typeof known>, hoursOld = 1) =>
      clientsInNewNetworks(
        counts,
        networks,
        new Map([["service", NOW - hoursOld * HOUR_MS]]),
        scope,
      );
    expect(look(known(["10.1.0.0/16", 100]))).toEqual(["service"]);
    expect(look(known(["203.0.0.0/16", 3]))).toEqual([]);
    expect(look(known(["203.0.0.0/16", 1]))).toEqual(["service"]);
    expect(look(known(), 24)).toEqual(["service"]);
    expect(look(known(), 23)).toEqual([]);
  });
});
