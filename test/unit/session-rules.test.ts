import { describe, expect, it } from "vitest";
import { MINUTE_MS, toInstant } from "../../shared/core/clock.ts";
import { toIncidents } from "../../shared/detection/incidents.ts";
import type { DetectionSnapshot } from "../../shared/detection/rules/detection-snapshot.ts";
import { findAnomalies } from "../../shared/detection/rules/find-anomalies.ts";
import type { SeenEvent } from "../../shared/detection/rules/seen-event.ts";
import { sessionsApart } from "../../shared/detection/rules/sessions.ts";
import { isStrangeSignIn, selectSignIns } from "../../shared/detection/strange-sign-ins.ts";
import { quietSnapshot } from "../quiet-snapshot.ts";
import { eventsBefore, location, rules } from "../seen-events.ts";

/** A Wednesday. */
const NOW = Date.parse("2026-11-25T14:00:00.000Z");
const DAY = 24 * 60;

const HOME = location("10.1.2.3", "Firefox on Linux");
const AWAY = location("203.0.113.9", "curl");

const event = eventsBefore(NOW);

/** Creates eight calls a day for a week, starting at noon. */
const habits = Array.from({ length: 56 }, (_, n) =>
  event((7 - Math.floor(n / 8)) * DAY + 60 - (n % 8) * 15, HOME, {
    tokenId: `old-${Math.floor(n / 8)}`,
  }),
);

const byTime = (a: SeenEvent, b: SeenEvent) => a.atMs - b.atMs;

const all = (parts: Partial<DetectionSnapshot>) => findAnomalies(quietSnapshot(NOW, parts), rules);
const ofAda = (name: string, ...events: readonly SeenEvent[]) =>
  all({
    principals: new Map([["user:ada", [...habits, ...events].sort(byTime)]]),
  }).filter(({ rule }) => rule.name === name);

describe("sessions_apart", () => {
  const signIn = event(40, AWAY, { type: "token_issued", tokenId: "t9" });
  const theirs = (minutesAgo: number, at = AWAY) => event(minutesAgo, at, { tokenId: "t9" });
  const own = (minutesAgo: number, at = HOME) => event(minutesAgo, at);
  const apart = (...events: readonly SeenEvent[]) => ofAda("sessions_apart", ...events);

  it("alerts on a session with a new program in a new network while the user stays active elsewhere", () => {
    expect(apart(own(45), signIn, theirs(39), own(20))).toMatchObject([
      {
        subject: { kind: "user", id: "ada" },
        score: 50,
        involved: expect.arrayContaining([
          { kind: "ip", id: "203.0.113.9" },
          { kind: "token", id: "t9" },
        ]),
        evidence: { usual_networks: ["10.1.0.0/16"] },
      },
    ]);
  });

  it("treats uses within half an hour as simultaneous and ignores earlier uses", () => {
    expect(apart(own(69), signIn, theirs(39))).toHaveLength(1);
    expect(apart(own(69.1), signIn, theirs(39))).toEqual([]);
  });

  it("ignores a phone used alongside a computer when one of them is known", () => {
    const phone = location("198.51.7.7", "Safari on iOS");
    const known = event(3 * DAY, phone, { tokenId: "phone" });
    expect(apart(known, own(45), theirs(39, phone), own(38), theirs(37, phone), own(36))).toEqual(
      [],
    );
    // A new phone in a new network is used alongside a computer that is used occasionally.
    const elsewhere = event(3 * DAY, location("10.7.2.3", HOME.agent), { tokenId: "old" });
    expect(apart(elsewhere, own(45), theirs(39, phone), own(20))).toEqual([]);
  });

  it("ignores one app in two networks unless other evidence suggests a second person", () => {
    const app = location("203.0.113.9", HOME.agent);
    const elsewhere = event(3 * DAY, location("10.7.2.3", HOME.agent), { tokenId: "old" });
    const turns = (count: number) =>
      Array.from({ length: count }, (_, n) => (n % 2 === 0 ? theirs(40 - n, app) : own(40 - n)));
    const found = (...events: readonly SeenEvent[]) =>
      sessionsApart
        .find(
          quietSnapshot(NOW, {
            principals: new Map([["user:ada", [...habits, ...events].sort(byTime)]]),
          }),
          rules.sessions_apart,
        )
        .map(({ score }) => score);
    expect(apart(elsewhere, ...turns(5))).toEqual([]);
    expect(found(elsewhere, ...turns(5))).toEqual([35]);
    // A user who was always in one network now calls faster than ever and calls new endpoints.
    const busy = Array.from({ length: 24 }, (_, n) =>
      event(30 - n / 4, app, { tokenId: "t9", endpoint: `/api/${"abcdef"[n % 6]}` }),
    );
    expect(found(...turns(5), ...busy)).toEqual([80]);
  });

  it("leaves tokens used by a different user to token_theft and ignores new users", () => {
    expect(apart(own(45), event(39, AWAY), own(20))).toEqual([]);
    const young = [event(DAY, HOME), own(45), theirs(39), own(20)];
    const principals = new Map([["user:ada", young]]);
    expect(all({ principals }).filter(({ rule }) => rule.name === "sessions_apart")).toEqual([]);
  });

  it("assumes that an IPv4 and an IPv6 address may be one machine", () => {
    const ipv6 = { ip: "2001:db8::1", network: "2001:0db8::/32", agent: "curl" };
    expect(apart(own(45), theirs(39, ipv6), own(20))).toEqual([]);
  });
});

describe("foreign_sessions", () => {
  const denied = (minutesAgo: number, reason: string, at = HOME) =>
    event(minutesAgo, at, { type: "auth_failed", reason });
  const foreign = (...events: readonly SeenEvent[]) => ofAda("foreign_sessions", ...events);
  const three = (at: typeof HOME) => [5, 4, 3].map((ago) => denied(ago, "foreign_session", at));

  it("alerts on an unknown caller from the third foreign session on", () => {
    expect(foreign(...three(AWAY))).toMatchObject([
      { subject: { kind: "user", id: "ada" }, score: 70, observed: 3, threshold: 3 },
    ]);
    expect(foreign(...three(AWAY).slice(1))).toEqual([]);
    const earlier = denied(61, "foreign_session", AWAY);
    expect(foreign(earlier, ...three(AWAY).slice(1))).toEqual([]);
  });

  it("ignores a shared browser unless it tries several sessions", () => {
    expect(foreign(...three(HOME))).toEqual([]);
    // The other user's session has ended.
    expect(foreign(...three(HOME), denied(1, "unknown_session"))).toEqual([]);
    expect(foreign(denied(4.5, "unknown_session"), ...three(HOME))).toMatchObject([{ score: 45 }]);
  });
});

describe("mfa_fatigue", () => {
  const rejection = (minutesAgo: number, at = AWAY) =>
    event(minutesAgo, at, { type: "auth_failed", reason: "mfa_rejected", tokenId: undefined });
  const prompt = (minutesAgo: number, at = AWAY) =>
    event(minutesAgo, at, { type: "auth0_gd_send_pn", code: "gd_send_pn", tokenId: undefined });
  const fatigue = (...events: readonly SeenEvent[]) => ofAda("mfa_fatigue", ...events);
  const times = (count: number, make: (minutesAgo: number) => SeenEvent) =>
    Array.from({ length: count }, (_, n) => make(60 - n));

  it("alerts on five rejected or unanswered prompts from an unknown location", () => {
    expect(fatigue(...times(5, rejection))).toMatchObject([
      { score: 75, observed: 5, threshold: 5, evidence: { allowed: false, denied: 5 } },
    ]);
    expect(fatigue(...times(4, rejection))).toEqual([]);
    expect(fatigue(...times(5, prompt))).toMatchObject([{ evidence: { prompts: 5, denied: 0 } }]);
    // A prompt and its rejection count once.
    expect(fatigue(...times(3, prompt), ...times(3, rejection))).toEqual([]);
    const sameBrowser = location("203.0.113.9", HOME.agent);
    expect(fatigue(...times(5, (ago) => rejection(ago, sameBrowser)))).toMatchObject([
      { score: 55 },
    ]);
  });

  it("ignores a user in the usual location whose phone doesn't respond", () => {
    expect(fatigue(...times(8, (ago) => prompt(ago, HOME)))).toEqual([]);
  });

  it("raises a score of 100 when the sign-in finally succeeds", () => {
    const started = event(40, AWAY, { type: "session_started", tokenId: undefined });
    expect(fatigue(...times(5, prompt), started)).toMatchObject([
      { score: 100, evidence: { allowed: true } },
    ]);
  });
});

describe("credential_reuse with an earlier use by an unknown caller", () => {
  const reuse = event(5, HOME, {
    type: "auth_failed",
    reason: "authorization_code_reused",
    tokenId: undefined,
  });
  const issued = (minutesAgo: number, at = AWAY) => [
    event(minutesAgo, at, { type: "token_issued", tokenId: "t9" }),
    event(minutesAgo - 1, at, { tokenId: "t9" }),
  ];
  const reused = (...events: readonly SeenEvent[]) => ofAda("credential_reuse", ...events, reuse);

  it("alerts on the earlier caller", () => {
    expect(reused(...issued(7))).toMatchObject([
      {
        score: 90,
        involved: expect.arrayContaining([
          { kind: "ip", id: "203.0.113.9" },
          { kind: "token", id: "t9" },
        ]),
        evidence: { principal_came_second: true, usual_networks: ["10.1.0.0/16"] },
      },
    ]);
    expect(reused(...issued(7, location("203.0.113.9", HOME.agent)))).toMatchObject([
      { score: 70 },
    ]);
  });

  it("ignores a retry after a lost response and an unknown caller from two days ago", () => {
    expect(reused(...issued(7, HOME))).toEqual([]);
    expect(reused(...issued(DAY + 7))).toEqual([]);
    expect(reused(...issued(DAY + 5))).toHaveLength(1);
  });
});

describe("success_after_failures with a different IP version", () => {
  it("ignores a known program that uses IPv6 but raises a new program", () => {
    const tried = (at: typeof HOME) =>
      ofAda(
        "success_after_failures",
        ...Array.from({ length: 6 }, (_, n) =>
          event(20 - n, at, { type: "auth_failed", reason: "wrong_password", tokenId: undefined }),
        ),
        event(10, at, { type: "session_started", tokenId: undefined }),
      );
    const ipv6 = { ip: "2001:db8::1", network: "2001:0db8::/32" };
    expect(tried({ ...ipv6, agent: HOME.agent })).toEqual([]);
    expect(tried({ ...ipv6, agent: "curl" })).toMatchObject([{ score: 90 }]);
    expect(tried(location("203.0.113.9", HOME.agent))).toMatchObject([{ score: 90 }]);
  });
});

describe("failure_rate with addresses that explain the failures", () => {
  const ip = "10.1.2.3";
  const credentialGuesses = [
    {
      clientId: "app",
      lastHour: 30,
      hours: new Map([[NOW - 3 * DAY * MINUTE_MS, 1]]),
      firstSeenMs: 0,
    },
  ];
  const guessed = (minutesAgo: number) => [
    { clientId: "app", value: ip, minutes: new Map([[NOW - minutesAgo * MINUTE_MS, 30]]) },
  ];
  const at = (events: readonly SeenEvent[], minutesAgo = 5, sinceMs = NOW - 10 * MINUTE_MS) =>
    all({
      sinceMs,
      credentialGuesses,
      credentialGuessesByIp: guessed(minutesAgo),
      addresses: new Map([[ip, events]]),
    }).filter(({ rule }) => rule.name === "failure_rate");
  const failed = Array.from({ length: 30 }, (_, n) =>
    event(9 - n / 10, { type: "auth_failed", reason: "invalid_client", userId: undefined, ip }),
  );
  const own = (minutesAgo: number, parts: Partial<SeenEvent> = {}) =>
    event(minutesAgo, { userId: undefined, ip }, parts);

  it("ignores a service that uses an old secret from its usual location", () => {
    expect(at(failed)).toHaveLength(1);
    expect(at([own(39), ...failed])).toEqual([]);
    expect(at([own(38.9), ...failed])).toHaveLength(1);
    expect(at([own(39, { clientId: "other" }), ...failed])).toHaveLength(1);
    // The client's users share an office with the attacker.
    expect(at([own(39, { userId: "bob" }), ...failed])).toHaveLength(1);
  });

  it("ignores a carrier's address where many more calls are allowed", () => {
    const users = (count: number) =>
      Array.from({ length: count }, (_, n) => own(50, { userId: `u${n}`, tokenId: `u${n}` }));
    expect(at([...users(121), ...failed])).toEqual([]);
    expect(at([...users(120), ...failed])).toHaveLength(1);
  });

  it("stops reporting credential guesses that have ended", () => {
    expect(at(failed, 10)).toHaveLength(1);
    expect(at(failed, 11)).toEqual([]);
  });
});

describe("revoked_token in a mass revocation", () => {
  const revoked = toInstant(NOW - 40 * MINUTE_MS);
  const moved = (count: number, at: typeof HOME) =>
    all({
      revokedAt: new Map([["old-6", revoked]]),
      typeCounts: [
        {
          clientId: "app",
          value: "token_revoked",
          minutes: new Map([[NOW - 40 * MINUTE_MS, count]]),
        },
      ],
      principals: new Map([
        [
          "user:ada",
          [
            ...habits,
            event(10, at, { type: "auth_failed", reason: "revoked_token", tokenId: "old-6" }),
          ],
        ],
      ]),
    }).filter(({ rule }) => rule.name === "revoked_token");

  it("ignores a known program that moved but raises a different program", () => {
    const elsewhere = location("203.0.113.9", HOME.agent);
    expect(moved(4, elsewhere)).toMatchObject([{ score: 50 }]);
    expect(moved(5, elsewhere)).toEqual([]);
    expect(moved(5, AWAY)).toMatchObject([{ score: 80 }]);
  });
});

describe("consent_phishing with few users", () => {
  const from = (users: number, program: typeof HOME) =>
    all({
      firstSeenMs: new Map([
        ["old", NOW - 14 * DAY * MINUTE_MS],
        ["new", NOW - 2 * 60 * MINUTE_MS],
      ]),
      clients: new Map([
        [
          "new",
          Array.from({ length: users }, (_, n) => [
            event(60, HOME, { clientId: "new", userId: `u${n}`, type: "consent_granted" }),
            event(59, HOME, { clientId: "new", userId: `u${n}`, type: "token_issued" }),
            event(50, program, { clientId: "new", userId: `u${n}` }),
          ]).flat(),
        ],
      ]),
    }).filter(({ rule }) => rule.name === "consent_phishing");

  it("alerts on five users who consent in their usual location and whose tokens are used in a different one", () => {
    expect(from(5, AWAY)).toMatchObject([{ subject: { kind: "client", id: "new" }, observed: 5 }]);
    expect(from(4, AWAY)).toEqual([]);
    expect(from(5, HOME)).toEqual([]);
  });
});

describe("incidents at a shared office address", () => {
  it("are separate for colleagues and combined for one attacker with several tokens", () => {
    const colleagues = ["ada", "bob"].map((userId): [string, SeenEvent[]] => {
      const of = { userId, tokenId: `of-${userId}` };
      return [
        `user:${userId}`,
        [
          ...habits.map((each) => ({ ...each, userId })),
          event(50, HOME, of),
          event(10, HOME, of, { agent: "curl" }),
        ],
      ];
    });
    const found = all({ principals: new Map(colleagues) });
    expect(found.map(({ rule }) => rule.name)).toEqual(["token_theft", "token_theft"]);
    expect(toIncidents(found)).toHaveLength(2);
    // One attacker who uses both tokens at an unknown address is one incident.
    const thief = colleagues.map(([principal, events]): [string, SeenEvent[]] => [
      principal,
      [
        ...events.slice(0, -1),
        { ...event(5, AWAY), userId: principal.slice(5), tokenId: `of-${principal.slice(5)}` },
      ],
    ]);
    expect(toIncidents(all({ principals: new Map(thief) }))).toHaveLength(1);
  });
});

describe("selectSignIns and isStrangeSignIn", () => {
  const signIn = (userId: string, at: typeof HOME) =>
    event(5, at, { type: "session_started", userId });

  it("select at most ten users, scripts first, then users who are alone in their network", () => {
    const office = Array.from({ length: 12 }, (_, n) => signIn(`u${n}`, HOME));
    const alone = signIn("ada", location("203.0.113.9", HOME.agent));
    const selected = selectSignIns([...office, alone, signIn("bob", AWAY), signIn("bob", AWAY)]);
    expect(selected.map(({ userId }) => userId).slice(0, 2)).toEqual(["bob", "ada"]);
    expect(selected).toHaveLength(10);
    // Sessions that the product issues don't include an address.
    expect(selectSignIns([event(5, { type: "session_started" })])).toEqual([]);
  });

  it("treat a sign-in as unusual when both network and program are new for that IP version", () => {
    expect(isStrangeSignIn(signIn("ada", AWAY), habits)).toBe(true);
    expect(isStrangeSignIn(signIn("ada", location("203.0.113.9", HOME.agent)), habits)).toBe(false);
    expect(isStrangeSignIn(signIn("ada", location("10.1.9.9", "curl")), habits)).toBe(false);
    expect(isStrangeSignIn(signIn("ada", AWAY), [])).toBe(false);
    const ipv6 = { ip: "2001:db8::1", network: "2001:0db8::/32", agent: "curl" };
    expect(isStrangeSignIn(signIn("ada", ipv6), habits)).toBe(false);
  });
});
