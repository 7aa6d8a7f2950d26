import { describe, expect, it } from "vitest";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, toInstant } from "../../shared/core/clock.ts";
import type {
  DetectionSnapshot,
  HourCounts,
  SubjectCount,
} from "../../shared/detection/rules/detection-snapshot.ts";
import { findAnomalies } from "../../shared/detection/rules/find-anomalies.ts";
import type { SeenEvent } from "../../shared/detection/rules/seen-event.ts";
import { usualRange } from "../../shared/detection/rules/usual-range.ts";
import { quietSnapshot } from "../quiet-snapshot.ts";

/** A Monday. */
const NOW = Date.parse("2026-11-23T10:00:00.000Z");
const HISTORY_START = NOW - 14 * DAY_MS;

type Rules = NonNullable<NonNullable<MonitoringConfigInput["anomalies"]>["rules"]>;

function found(snapshot: Partial<DetectionSnapshot>, rules: Rules = {}) {
  const { anomalies } = parseMonitoringConfig({ anomalies: { rules } });
  return findAnomalies(quietSnapshot(NOW, snapshot), anomalies.rules).map(
    ({ rule, ...anomaly }) => ({
      rule: rule.name,
      ...anomaly,
    }),
  );
}

/** Creates counts for a subject from pairs of age in minutes and number. */
const counted = (
  clientId: string,
  value: string,
  ...counts: readonly (readonly [minutesAgo: number, count: number])[]
): SubjectCount => ({
  clientId,
  value,
  minutes: new Map(counts.map(([ago, count]) => [NOW - ago * MINUTE_MS, count])),
});

/** Creates counts for whole hours, most recent first, starting with the hour before the last one. */
const hoursBack = (count: (back: number) => number, length: number): HourCounts =>
  new Map(Array.from({ length }, (_, n) => [NOW - (n + 2) * HOUR_MS, count(n)]));

describe("usualRange", () => {
  /** Calls `usualRange` with consecutive hours, too few to compare by time of day. */
  const few = (counts: readonly number[], nowMs = NOW) =>
    usualRange(
      new Map(counts.map((count, n) => [nowMs - (counts.length + 1 - n) * HOUR_MS, count])),
      nowMs - (counts.length + 1) * HOUR_MS,
      nowMs,
    );

  it("returns the median, and the median absolute deviation scaled to a standard deviation", () => {
    // Deviations from 110: 0, 10, 10, 30, 40, 90, 100.
    expect(few([10, 200, 150, 80, 110, 100, 120])).toEqual({
      median: 110,
      deviation: 1.4826 * 30,
      hours: 7,
    });
    // Deviations from 105: 5, 5, 25, 25, 95, 95.
    expect(few([10, 200, 130, 80, 110, 100])).toEqual({
      median: 105,
      deviation: 1.4826 * 25,
      hours: 6,
    });
  });

  it("returns at least the deviation of a Poisson process, and at least one", () => {
    expect(few([100, 100, 100, 100, 100, 100])?.deviation).toBe(10);
    expect(few([0, 0, 0, 0, 0, 0])).toEqual({ median: 0, deviation: 1, hours: 6 });
  });

  it("returns undefined when fewer than six hours are comparable", () => {
    expect(few([1, 1, 1, 1, 1])).toBeUndefined();
  });

  it("counts an hour without events as zero and skips the hour under test", () => {
    const hours = new Map([[NOW - HOUR_MS, 1000]]);
    expect(usualRange(hours, NOW - 8 * HOUR_MS, NOW)).toEqual({
      median: 0,
      deviation: 1,
      hours: 7,
    });
  });

  it("compares only the same time and kind of day once there are six such hours", () => {
    // 100 events an hour around 9 o'clock, 1 in other hours and 7 on weekends.
    const hourly = (days: number, nowMs: number) => {
      const hours = new Map<number, number>();
      for (let hour = nowMs - days * DAY_MS; hour < nowMs - HOUR_MS; hour += HOUR_MS) {
        const at = new Date(hour);
        const weekend = [0, 6].includes(at.getUTCDay());
        hours.set(hour, weekend ? 7 : [8, 9, 10].includes(at.getUTCHours()) ? 100 : 1);
      }
      return usualRange(hours, nowMs - days * DAY_MS, nowMs);
    };
    // Nine working days with three hours each, one hour of the first Monday and one of this Monday.
    expect(hourly(14, NOW)).toMatchObject({ median: 100, hours: 29 });
    // Three weekend days with three hours each, one hour of the first Sunday and one of this
    // Sunday.
    expect(hourly(14, NOW - DAY_MS)).toMatchObject({ median: 7, hours: 11 });
    // Only Monday's 8 o'clock is comparable, so every hour since Sunday counts.
    expect(hourly(1, NOW)).toMatchObject({ median: 7, hours: 23 });
  });

  it("compares hours across midnight as neighbouring hours", () => {
    const midnight = Date.parse("2026-11-25T01:00:00.000Z");
    const start = midnight - 2 * DAY_MS - 3 * HOUR_MS;
    const hours = new Map<number, number>();
    for (let hour = start; hour < midnight - HOUR_MS; hour += HOUR_MS) {
      hours.set(hour, [23, 0, 1].includes(new Date(hour).getUTCHours()) ? 50 : 2);
    }
    // Three hours each on Monday and Tuesday. Sunday's last hour is on a different kind of day.
    expect(usualRange(hours, start, midnight)).toMatchObject({ median: 50, hours: 6 });
  });
});

describe.each([
  ["issuance_rate", "issuance", { minimum: 30, deviations: 6, ratio: 3 }],
  ["failure_rate", "credentialGuesses", { minimum: 20, deviations: 6, ratio: 3 }],
] as const)("%s", (rule, histories, { minimum, deviations, ratio }) => {
  const history = (lastHour: number, usual: (back: number) => number, length = 40) => [
    { clientId: "app", lastHour, hours: hoursBack(usual, length), firstSeenMs: NOW },
  ];

  it("alerts on a client whose count reaches the configured number of deviations above the median", () => {
    const threshold = 400 + deviations * 20;
    const rules = { [rule]: { ratio: 1 } };
    const steady = () => 400;
    expect(found({ [histories]: history(threshold - 1, steady) }, rules)).toEqual([]);
    expect(found({ [histories]: history(threshold, steady) }, rules)).toMatchObject([
      {
        rule,
        subject: { kind: "client", id: "app" },
        observed: threshold,
        threshold,
        windowStart: toInstant(NOW - HOUR_MS),
        windowEnd: toInstant(NOW),
        evidence: { usual_median: 400, usual_deviation: 20, compared_hours: expect.any(Number) },
      },
    ]);
  });

  it("ignores a client whose count is below the minimum or the configured multiple of the median", () => {
    const steady = () => 400;
    expect(found({ [histories]: history(400 * ratio - 1, steady) })).toEqual([]);
    expect(found({ [histories]: history(400 * ratio, steady) })).toHaveLength(1);
    const quiet = () => 0;
    expect(found({ [histories]: history(minimum - 1, quiet) })).toEqual([]);
    expect(found({ [histories]: history(minimum, quiet) })).toMatchObject([{ threshold: minimum }]);
  });

  it("ignores a client during its first day", () => {
    const steady = () => 1;
    expect(found({ [histories]: history(5000, steady, 22) })).toEqual([]);
    expect(found({ [histories]: history(5000, steady, 23) })).toHaveLength(1);
    expect(found({ [histories]: history(5000, steady, 0) })).toEqual([]);
  });

  it("ignores hours before the history window", () => {
    const hours = new Map([...hoursBack(() => 1, 20), [HISTORY_START - DAY_MS, 1]]);
    const [anomaly] = found({
      [histories]: [{ clientId: "app", lastHour: 5000, hours, firstSeenMs: NOW }],
    });
    // Nine working days with three hours each, plus parts of the first and last day.
    expect(anomaly?.evidence.compared_hours).toBe(29);
  });
});

/** Creates an event for a candidate from the event's age in minutes. */
const seen = (minutesAgo: number, parts: Partial<SeenEvent> = {}): SeenEvent => ({
  atMs: NOW - minutesAgo * MINUTE_MS,
  type: "token_used",
  clientId: "app",
  scopes: [],
  ...parts,
});

describe("failure_burst", () => {
  const credentialGuess = { type: "auth_failed", reason: "unknown_token" };
  const bursts = (credentialGuesses: number, events: readonly SeenEvent[] = []) =>
    found({
      credentialGuessesByIp: [
        counted("(none)", "203.0.113.9", [10, credentialGuesses - 1], [1, 1], [11, 500]),
      ],
      addresses: new Map([["203.0.113.9", events]]),
    });

  it("alerts on an address that reaches the configured number of credential guesses within the window", () => {
    expect(bursts(19)).toEqual([]);
    expect(bursts(20)).toMatchObject([
      {
        rule: "failure_burst",
        subject: { kind: "ip", id: "203.0.113.9" },
        message:
          "20 credential guesses within 10 minutes from 203.0.113.9; no call from there was ever allowed",
        score: 75,
        observed: 20,
        threshold: 20,
        windowStart: toInstant(NOW - 10 * MINUTE_MS),
        windowEnd: toInstant(NOW),
        evidence: { credential_guesses_by_client: { "(none)": 20 } },
      },
    ]);
  });

  it("ignores an address with many users and lowers the score of an address with a few users", () => {
    const uses = (count: number) =>
      Array.from({ length: count }, (_, n) => seen(60, { userId: `user-${n}` }));
    const credentialGuesses = Array.from({ length: 20 }, () => seen(5, credentialGuess));
    expect(bursts(20, [...uses(100), ...credentialGuesses])).toEqual([]);
    expect(bursts(20, [...uses(10), ...credentialGuesses])).toMatchObject([{ score: 50 }]);
    expect(bursts(20, [...uses(2), ...credentialGuesses])).toMatchObject([{ score: 50 }]);
  });

  it("names the client with the most credential guesses unless that client is unknown", () => {
    const parts = (...clients: readonly (readonly [string, number])[]) =>
      found({
        credentialGuessesByIp: clients.map(([client, count]) =>
          counted(client, "203.0.113.9", [1, count]),
        ),
      });
    expect(parts(["few", 10], ["most", 20], ["some", 15])).toMatchObject([
      {
        clientId: "most",
        evidence: { credential_guesses_by_client: { few: 10, most: 20, some: 15 } },
      },
    ]);
    expect(parts(["app", 10], ["(none)", 30])[0]).not.toHaveProperty("clientId");
  });
});

describe("failure_rate", () => {
  const rate = (parts: Partial<DetectionSnapshot>) =>
    found({
      credentialGuesses: [
        { clientId: "(none)", lastHour: 60, hours: new Map(), firstSeenMs: NOW - 3 * DAY_MS },
      ],
      ...parts,
    });

  it("alerts on credential guesses against unknown clients after one day of history", () => {
    expect(rate({})).toMatchObject([{ rule: "failure_rate", observed: 60, threshold: 20 }]);
    const young = {
      clientId: "(none)",
      lastHour: 60,
      hours: new Map(),
      firstSeenMs: NOW - HOUR_MS,
    };
    expect(found({ credentialGuesses: [young] })).toEqual([]);
  });

  it("gives many addresses a high score and skips addresses where most principals are allowed", () => {
    const from = (count: number) =>
      Array.from({ length: count }, (_, n) => counted("(none)", `198.51.${n}.7`, [5, 3]));
    expect(rate({ credentialGuessesByIp: from(20) })).toMatchObject([
      { score: 80, evidence: { addresses: 20, credential_guesses_per_address: 3 } },
    ]);
    expect(rate({ credentialGuessesByIp: from(3) })).toMatchObject([{ score: 55 }]);
    // An address that makes most of the guesses becomes a separate incident.
    const one = counted("(none)", "203.0.113.9", [15, 42]);
    expect(rate({ credentialGuessesByIp: [one, ...from(6)] })).toMatchObject([
      { subject: { kind: "ip", id: "203.0.113.9" }, score: 55 },
    ]);
    // A network that makes most of the guesses also becomes a separate incident.
    const network = Array.from({ length: 20 }, (_, n) =>
      counted("(none)", `203.0.113.${n}`, [15, 3]),
    );
    expect(
      rate({ credentialGuessesByIp: network }).filter(({ rule: name }) => name === "failure_rate"),
    ).toMatchObject([{ subject: { kind: "network", id: "203.0.113.0/24" }, score: 80 }]);
    const allowed = new Map(
      [0, 1, 2].map((n) => [`198.51.${n}.7`, [seen(90, { userId: `user-${n}` })]]),
    );
    expect(rate({ credentialGuessesByIp: from(20), addresses: allowed })).toEqual([]);
  });
});

describe("network_guessing", () => {
  const from = (network: string, addresses: number, each = 3) =>
    Array.from({ length: addresses }, (_, n) => counted("(none)", `${network}.${n}`, [20, each]));
  const raised = (...parts: readonly Partial<DetectionSnapshot>[]) =>
    found(Object.assign({}, ...parts)).filter(({ rule }) => rule === "network_guessing");

  it("alerts on credential guesses that are spread over one network but not over several networks", () => {
    expect(raised({ credentialGuessesByIp: from("198.51.100", 10) })).toMatchObject([
      {
        subject: { kind: "network", id: "198.51.100.0/24" },
        observed: 30,
        score: 75,
        involved: expect.arrayContaining([{ kind: "ip", id: "198.51.100.9" }]),
      },
    ]);
    expect(raised({ credentialGuessesByIp: from("198.51.100", 9) })).toEqual([]);
    expect(raised({ credentialGuessesByIp: from("198.51.100", 5, 9) })).toEqual([]);
    const wide = Array.from({ length: 10 }, (_, n) => from(`198.51.${n}`, 3)).flat();
    expect(raised({ credentialGuessesByIp: wide })).toEqual([]);
    const ipv6 = Array.from({ length: 10 }, (_, n) =>
      counted("(none)", `2001:db8:1:${n}::1`, [20, 3]),
    );
    expect(raised({ credentialGuessesByIp: ipv6 })).toMatchObject([
      { subject: { id: "2001:db8:1::/48" } },
    ]);
    // A value that isn't an IP address belongs to no network.
    expect(raised({ credentialGuessesByIp: from("not an address", 20) })).toEqual([]);
  });

  it("skips a network with one dominant address, and a shared network with active users", () => {
    const one = [...from("198.51.100", 9, 1), counted("(none)", "198.51.100.77", [20, 60])];
    expect(raised({ credentialGuessesByIp: one })).toEqual([]);
    const used: SeenEvent = {
      atMs: NOW - HOUR_MS,
      type: "token_used",
      tokenId: "t",
      scopes: [],
    };
    const credentialGuessesByIp = from("198.51.100", 10);
    const addresses = new Map(
      credentialGuessesByIp.slice(0, 3).map(({ value }) => [value, [used]]),
    );
    expect(raised({ credentialGuessesByIp, addresses })).toEqual([]);
  });
});

describe("persistent_failures", () => {
  const perHour = (...counts: readonly number[]) => ({
    credentialGuessHoursByIp: new Map([
      [
        "203.0.113.9",
        new Map(counts.map((count, back) => [NOW - (back + 1) * HOUR_MS, count] as const)),
      ],
    ]),
  });

  it("alerts on an address with credential guesses in each of the last four whole hours", () => {
    expect(found(perHour(6, 13, 14, 15, 99))).toMatchObject([
      {
        rule: "persistent_failures",
        subject: { kind: "ip", id: "203.0.113.9" },
        score: 70,
        observed: 48,
        threshold: 24,
        windowStart: toInstant(NOW - 4 * HOUR_MS),
        windowEnd: toInstant(NOW),
        evidence: { credential_guesses_by_hour: [15, 14, 13, 6] },
      },
    ]);
    expect(found(perHour(6, 5, 99, 99))).toEqual([]);
    expect(found(perHour(99, 99, 99))).toEqual([]);
    const later = { ...perHour(12, 12, 12, 12), nowMs: NOW + 59 * MINUTE_MS };
    expect(found(later)).toMatchObject([{ windowEnd: toInstant(NOW) }]);
  });

  it("ignores a job that keeps using an invalid token or gives it a lower score", () => {
    const always = Array.from({ length: 26 }, () => 12);
    expect(found(perHour(...always))).toEqual([]);
    const beat = (jitter: number) => ({
      ...perHour(12, 12, 12, 12),
      addresses: new Map([
        [
          "203.0.113.9",
          Array.from({ length: 24 }, (_, n) =>
            seen(200 - 5 * n - (n % 2) * jitter, {
              type: "auth_failed",
              reason: "unknown_token",
              endpoint: "/health",
            }),
          ),
        ],
      ]),
    });
    expect(found(beat(0.1))).toMatchObject([{ score: 45 }]);
    expect(found(beat(3))).toMatchObject([{ score: 70 }]);
    const known = beat(0.1);
    const events = [seen(600, { userId: "ada" }), ...(known.addresses.get("203.0.113.9") ?? [])];
    expect(found({ ...known, addresses: new Map([["203.0.113.9", events]]) })).toEqual([]);
  });
});

describe("credential_reuse", () => {
  it("alerts on each client whose codes or refresh tokens were just reused", () => {
    const failedReasons = [
      counted("app", "refresh_token_reused", [10, 2], [1, 1]),
      counted("web", "authorization_code_reused", [1, 1]),
      counted("old", "refresh_token_reused", [11, 9], [0, 9]),
      counted("app", "expired_token", [1, 9]),
    ];
    expect(found({ failedReasons })).toMatchObject([
      {
        rule: "credential_reuse",
        subject: { kind: "client", id: "app" },
        observed: 3,
        threshold: 1,
        evidence: { reason: "refresh_token_reused" },
      },
      { subject: { kind: "client", id: "web" }, observed: 1 },
    ]);
    expect(found({ failedReasons }, { credential_reuse: { enabled: false } })).toEqual([]);
  });

  it("distinguishes a thief from a client that retries after a lost response", () => {
    const home = { network: "10.1.0.0/16", ip: "10.1.0.1", agent: "okhttp" };
    const reuse = (party: Partial<SeenEvent>) => ({
      failedReasons: [counted("app", "refresh_token_reused", [1, 1])],
      principals: new Map([
        [
          "user:ada",
          [
            seen(600, { ...home, userId: "ada" }),
            seen(1, { type: "auth_failed", reason: "refresh_token_reused", ...party }),
          ],
        ],
      ]),
    });
    expect(found(reuse(home))).toEqual([]);
    const thief = { network: "203.0.0.0/16", ip: "203.0.113.9", agent: "curl" };
    expect(found(reuse(thief))).toMatchObject([
      { subject: { kind: "user", id: "ada" }, score: 90 },
    ]);
  });
});

describe("dormant_token", () => {
  const woke = (uses: number, party: Partial<SeenEvent>, before: readonly SeenEvent[] = []) =>
    found({
      dormantTokens: [counted("batch", "t1", [30, 1])],
      principals: new Map([
        ["token:t1", [...before, ...Array.from({ length: uses }, () => seen(20, party))]],
      ]),
    });
  const office = { network: "10.1.0.0/16", ip: "10.1.0.1", agent: "okhttp" };
  const month = 30 * 24 * 60;
  const job = Array.from({ length: 80 }, () => seen(month, office));

  it("alerts on a token that is busy after a dormant period when earlier activity is unknown", () => {
    expect(woke(49, office)).toEqual([]);
    expect(woke(50, office)).toMatchObject([
      { rule: "dormant_token", subject: { kind: "token", id: "t1" }, observed: 50, threshold: 50 },
    ]);
    expect(found({ dormantTokens: [counted("batch", "t1", [1, 1])] })).toEqual([]);
  });

  it("ignores a monthly job unless it runs in a different network or makes ten times as many calls", () => {
    expect(woke(80, office, job)).toEqual([]);
    expect(woke(3, { ...office, network: "203.0.0.0/16", agent: "curl" }, job)).toMatchObject([
      { score: 70 },
    ]);
    expect(woke(80, office, job.slice(0, 8))).toMatchObject([{ score: 50 }]);
  });
});

describe("new_network", () => {
  const known = (...networks: readonly (readonly [string, number, boolean?])[]) =>
    new Map([
      [
        "service",
        networks.map(([network, hoursAgo, raised = false]) => ({
          network,
          firstSeenAt: toInstant(NOW - hoursAgo * HOUR_MS),
          lastSeenAt: toInstant(NOW - hoursAgo * HOUR_MS),
          raised,
        })),
      ],
    ]);
  const from = (network: string, ...counts: readonly (readonly [number, number])[]) =>
    counted("service", `${network} curl`, ...counts);
  const clientAgents = new Map([
    [
      "service",
      new Map([
        ["okhttp", NOW - 9 * DAY_MS],
        ["curl", NOW - 5 * MINUTE_MS],
      ]),
    ],
  ]);

  it("alerts on a service in a new network once the service has been known for two days", () => {
    const serviceNetworks = [from("203.0.0.0/16", [60, 1], [2, 2]), from("203.0.0.0/16", [1, 4])];
    expect(
      found({ serviceNetworks, clientAgents, knownNetworks: known(["10.1.0.0/16", 47]) }),
    ).toEqual([]);
    expect(found({ serviceNetworks, clientAgents })).toEqual([]);
    expect(
      found({ serviceNetworks, clientAgents, knownNetworks: known(["10.1.0.0/16", 48]) }),
    ).toMatchObject([
      {
        rule: "new_network",
        subject: { kind: "client", id: "service" },
        observed: 3,
        threshold: 1,
        windowStart: toInstant(NOW - 2 * HOUR_MS),
        windowEnd: toInstant(NOW),
        evidence: { network: "203.0.0.0/16", known_networks: ["10.1.0.0/16"] },
      },
    ]);
  });

  it("keeps raising a network for six hours after it was first seen", () => {
    const serviceNetworks = [from("203.0.0.0/16", [1, 1])];
    const since = (hoursAgo: number) =>
      found({
        clientAgents: new Map([
          [
            "service",
            new Map([
              ["okhttp", 0],
              ["curl", NOW - hoursAgo * HOUR_MS],
            ]),
          ],
        ]),
        serviceNetworks,
        knownNetworks: known(["10.1.0.0/16", 100], ["203.0.0.0/16", hoursAgo, true]),
      });
    expect(since(6)).toHaveLength(1);
    expect(since(6.01)).toEqual([]);
  });

  it("ignores a service that moves but raises a service that also stays active in its usual network", () => {
    const okhttp = (network: string, ...counts: readonly (readonly [number, number])[]) =>
      counted("service", `${network} okhttp`, ...counts);
    const moved = (...old: readonly (readonly [number, number])[]) =>
      found({
        clientAgents: new Map([["service", new Map([["okhttp", NOW - 9 * DAY_MS]])]]),
        serviceNetworks: [okhttp("203.0.0.0/16", [50, 1], [5, 1]), okhttp("10.1.0.0/16", ...old)],
        knownNetworks: known(["10.1.0.0/16", 100]),
      });
    expect(moved([55, 1])).toEqual([]);
    expect(moved([40, 1])).toEqual([]);
    expect(moved([10, 1])).toMatchObject([
      { score: 45, evidence: { continues_at_usual_network: true, is_new_user_agent: false } },
    ]);
  });

  it("alerts on a service that requests a new token for each call, but not build jobs", () => {
    const okhttp = counted("service", "203.0.0.0/16 okhttp", [50, 1], [5, 2]);
    const event = (ago: number, network: string, tokenId: string, ip: string): SeenEvent => ({
      atMs: NOW - ago * MINUTE_MS,
      type: "token_used",
      clientId: "service",
      tokenId,
      ip,
      network,
      scopes: [],
    });
    const own = Array.from({ length: 20 }, (_, n) =>
      event(600 - n, "10.1.0.0/16", "own", "10.1.0.1"),
    );
    const raised = (...events: readonly SeenEvent[]) =>
      found({
        clientAgents: new Map([["service", new Map([["okhttp", NOW - 9 * DAY_MS]])]]),
        serviceNetworks: [okhttp],
        knownNetworks: known(["10.1.0.0/16", 100]),
        clients: new Map([["service", [...own, ...events]]]),
      });
    const calls = (tokens: number, machines: number, count = 4) =>
      Array.from({ length: count }, (_, n) =>
        event(50 - n, "203.0.0.0/16", `t${n % tokens}`, `203.0.0.${n % machines}`),
      );
    expect(raised(...calls(4, 1))).toMatchObject([
      { score: 50, evidence: { behaves_differently: true, continues_at_usual_network: false } },
    ]);
    expect(raised(...calls(1, 1))).toEqual([]);
    expect(raised(...calls(4, 4))).toEqual([]);
  });

  it("alerts on a rarely used service later, once it is active in its usual network again", () => {
    const okhttp = (network: string, minutesAgo: number) =>
      counted("service", `${network} okhttp`, [minutesAgo, 1]);
    const since = (hoursAgo: number, ownMinutesAgo: number) =>
      found({
        clientAgents: new Map([["service", new Map([["okhttp", NOW - 9 * DAY_MS]])]]),
        serviceNetworks: [okhttp("203.0.0.0/16", 60), okhttp("10.1.0.0/16", ownMinutesAgo)],
        knownNetworks: known(["10.1.0.0/16", 100], ["203.0.0.0/16", hoursAgo]),
      });
    expect(since(5, 30)).toMatchObject([
      { score: 45, evidence: { continues_at_usual_network: true } },
    ]);
    expect(since(5, 70)).toEqual([]);
    expect(since(7, 30)).toEqual([]);
  });

  it("learns a service's networks even when its token was issued before monitoring started", () => {
    const use = (minutesAgo: number, network: string): SeenEvent => ({
      atMs: NOW - minutesAgo * MINUTE_MS,
      type: "token_used",
      clientId: "service",
      tokenId: "old",
      network,
      scopes: [],
    });
    const day = 24 * 60;
    const at = (...usual: readonly number[]) =>
      found({
        serviceNetworks: [from("203.0.0.0/16", [5, 1])],
        clientAgents,
        knownNetworks: known(["203.0.0.0/16", 0.1]),
        clients: new Map([
          ["service", [...usual.map((ago) => use(ago, "10.1.0.0/16")), use(5, "203.0.0.0/16")]],
        ]),
      });
    expect(at(3 * day, 2 * day, 3)).toMatchObject([
      { score: 75, evidence: { known_networks: ["10.1.0.0/16", "203.0.0.0/16"] } },
    ]);
    // The service was seen on only one day or has been known for less than two days.
    expect(at(3 * day)).toEqual([]);
    expect(at(1.5 * day, 1.2 * day)).toEqual([]);
  });

  it("raises only new programs when a service is used from many networks", () => {
    const many = [1, 2, 3, 4].map((n) => [`10.${n}.0.0/16`, 100 - n] as const);
    const serviceNetworks = [from("203.0.0.0/16", [1, 1])];
    const at = (agents: typeof clientAgents, networks = many) =>
      found({ serviceNetworks, clientAgents: agents, knownNetworks: known(...networks) });
    expect(at(clientAgents)).toMatchObject([{ score: 45 }]);
    const old = new Map([["service", new Map([["curl", NOW - 9 * DAY_MS]])]]);
    expect(at(old)).toEqual([]);
    const idle = [from("203.0.0.0/16", [121, 1], [0, 1])];
    expect(found({ serviceNetworks: idle, clientAgents, knownNetworks: known(...many) })).toEqual(
      [],
    );
  });
});
