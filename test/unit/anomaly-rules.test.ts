import { describe, expect, it } from "vitest";
import type {
  DetectionSnapshot,
  HourCounts,
  SubjectCount,
} from "../../shared/anomaly-rules/detection-snapshot.ts";
import { findAnomalies } from "../../shared/anomaly-rules/find-anomalies.ts";
import { usualRange } from "../../shared/anomaly-rules/usual-range.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, toInstant } from "../../shared/time/clock.ts";
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

/** Counts of a subject by how many minutes ago they were. */
const counted = (
  clientId: string,
  value: string,
  ...counts: readonly (readonly [minutesAgo: number, count: number])[]
): SubjectCount => ({
  clientId,
  value,
  minutes: new Map(counts.map(([ago, count]) => [NOW - ago * MINUTE_MS, count])),
});

/** Counts of the whole hours before the last one; the first is of the hour just before it. */
const hoursBack = (count: (back: number) => number, length: number): HourCounts =>
  new Map(Array.from({ length }, (_, n) => [NOW - (n + 2) * HOUR_MS, count(n)]));

describe("what is usual", () => {
  /** Hours on end, too few to be compared by the time of day. */
  const few = (counts: readonly number[], nowMs = NOW) =>
    usualRange(
      new Map(counts.map((count, n) => [nowMs - (counts.length + 1 - n) * HOUR_MS, count])),
      nowMs - (counts.length + 1) * HOUR_MS,
      nowMs,
    );

  it("is the median, and the median absolute deviation as a standard deviation", () => {
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

  it("deviates at least as a Poisson process does, and at least by one", () => {
    expect(few([100, 100, 100, 100, 100, 100])?.deviation).toBe(10);
    expect(few([0, 0, 0, 0, 0, 0])).toEqual({ median: 0, deviation: 1, hours: 6 });
  });

  it("is not known of fewer than six hours", () => {
    expect(few([1, 1, 1, 1, 1])).toBeUndefined();
  });

  it("counts an hour in which nothing happened as nothing, and leaves out the hour that is judged", () => {
    const hours = new Map([[NOW - HOUR_MS, 1000]]);
    expect(usualRange(hours, NOW - 8 * HOUR_MS, NOW)).toEqual({
      median: 0,
      deviation: 1,
      hours: 7,
    });
  });

  it("compares with the same part of the day on the same kind of day, once there are six such hours", () => {
    // 9 o'clock and an hour to either side has 100, other hours 1; weekends have 7.
    const hourly = (days: number, nowMs: number) => {
      const hours = new Map<number, number>();
      for (let hour = nowMs - days * DAY_MS; hour < nowMs - HOUR_MS; hour += HOUR_MS) {
        const at = new Date(hour);
        const weekend = [0, 6].includes(at.getUTCDay());
        hours.set(hour, weekend ? 7 : [8, 9, 10].includes(at.getUTCHours()) ? 100 : 1);
      }
      return usualRange(hours, nowMs - days * DAY_MS, nowMs);
    };
    // Nine working days with three hours each, one of the first Monday and one of this.
    expect(hourly(14, NOW)).toMatchObject({ median: 100, hours: 29 });
    // Three weekend days with three hours each, one of the first Sunday and one of this.
    expect(hourly(14, NOW - DAY_MS)).toMatchObject({ median: 7, hours: 11 });
    // Only Monday's 8 o'clock is like: every hour since Sunday counts.
    expect(hourly(1, NOW)).toMatchObject({ median: 7, hours: 23 });
  });

  it("takes the hours around midnight for neighbours", () => {
    const midnight = Date.parse("2026-11-25T01:00:00.000Z");
    const start = midnight - 2 * DAY_MS - 3 * HOUR_MS;
    const hours = new Map<number, number>();
    for (let hour = start; hour < midnight - HOUR_MS; hour += HOUR_MS) {
      hours.set(hour, [23, 0, 1].includes(new Date(hour).getUTCHours()) ? 50 : 2);
    }
    // Monday's and Tuesday's three; Sunday's last hour is of another kind of day.
    expect(usualRange(hours, start, midnight)).toMatchObject({ median: 50, hours: 6 });
  });
});

describe.each([
  ["issuance_rate", "issuance", { minimum: 30, deviations: 6, ratio: 3 }],
  ["failure_rate", "failures", { minimum: 100, deviations: 8, ratio: 3 }],
] as const)("%s", (rule, histories, { minimum, deviations, ratio }) => {
  const history = (lastHour: number, usual: (back: number) => number, length = 40) => [
    { clientId: "app", lastHour, hours: hoursBack(usual, length) },
  ];

  it("raises a client from so many deviations above its median on", () => {
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

  it("raises no client below so many times its median, nor below the least number", () => {
    const steady = () => 400;
    expect(found({ [histories]: history(400 * ratio - 1, steady) })).toEqual([]);
    expect(found({ [histories]: history(400 * ratio, steady) })).toHaveLength(1);
    const quiet = () => 0;
    expect(found({ [histories]: history(minimum - 1, quiet) })).toEqual([]);
    expect(found({ [histories]: history(minimum, quiet) })).toMatchObject([{ threshold: minimum }]);
  });

  it("learns a client for a day before it judges it", () => {
    const steady = () => 1;
    expect(found({ [histories]: history(5000, steady, 22) })).toEqual([]);
    expect(found({ [histories]: history(5000, steady, 23) })).toHaveLength(1);
    expect(found({ [histories]: history(5000, steady, 0) })).toEqual([]);
  });

  it("looks no further back than the history", () => {
    const hours = new Map([...hoursBack(() => 1, 20), [HISTORY_START - DAY_MS, 1]]);
    const [anomaly] = found({ [histories]: [{ clientId: "app", lastHour: 5000, hours }] });
    // Nine working days with three hours each, and the first and the last half of one.
    expect(anomaly?.evidence.compared_hours).toBe(29);
  });
});

describe("failure_burst", () => {
  it("raises an address, a client and a token from their number within the window on", () => {
    const snapshot = (missing: number) => ({
      failedIps: [
        counted("(none)", "203.0.113.9", [10, 20 - missing], [1, 20]),
        counted("(none)", "198.51.100.1", [11, 500], [0, 500]),
      ],
      failuresByClient: [
        counted("app", "app", [3, 50 - missing]),
        counted("(none)", "(none)", [3, 5000]),
      ],
      failedTokens: [
        counted("app", "expired_token t1", [3, 10]),
        counted("app", "insufficient_scope t1", [2, 10 - missing]),
      ],
    });
    expect(found(snapshot(1))).toEqual([]);
    const window = { windowStart: toInstant(NOW - 10 * MINUTE_MS), windowEnd: toInstant(NOW) };
    expect(found(snapshot(0))).toMatchObject([
      {
        subject: { kind: "ip", id: "203.0.113.9" },
        message: "40 failed calls within 10 minutes from 203.0.113.9",
        observed: 40,
        threshold: 40,
        evidence: { failures_by_client: { "(none)": 40 } },
        ...window,
      },
      {
        subject: { kind: "client", id: "app" },
        message: "50 failed calls within 10 minutes by client app",
        observed: 50,
        threshold: 50,
        ...window,
      },
      {
        subject: { kind: "token", id: "t1" },
        clientId: "app",
        message: "20 failed calls within 10 minutes by token t1",
        observed: 20,
        threshold: 20,
        evidence: { failures_by_client: { app: 20 } },
        ...window,
      },
    ]);
  });

  it("names the client that had the greatest part, unless nobody is known", () => {
    const parts = (...clients: readonly (readonly [string, number])[]) =>
      found({
        failedIps: clients.map(([client, count]) => counted(client, "203.0.113.9", [1, count])),
      });
    expect(parts(["few", 10], ["most", 20], ["some", 15])).toMatchObject([
      { clientId: "most", evidence: { failures_by_client: { few: 10, most: 20, some: 15 } } },
    ]);
    // Who had no part within the window is not named.
    const [burst] = found({
      failedIps: [counted("app", "203.0.113.9", [1, 40]), counted("past", "203.0.113.9", [11, 40])],
    });
    expect(burst?.evidence).toEqual({ failures_by_client: { app: 40 } });
    expect(parts(["app", 10], ["(none)", 30])[0]).not.toHaveProperty("clientId");
    expect(found({ failuresByClient: [counted("app", "app", [1, 50])] })[0]).not.toHaveProperty(
      "clientId",
    );
  });
});

describe("persistent_failures", () => {
  const perHour = (...counts: readonly number[]) => ({
    failedIpHours: new Map([
      [
        "203.0.113.9",
        new Map(counts.map((count, back) => [NOW - (back + 1) * HOUR_MS, count] as const)),
      ],
    ]),
  });

  it("raises an address that failed in each of the last four whole hours", () => {
    expect(found(perHour(12, 13, 14, 15, 99))).toMatchObject([
      {
        rule: "persistent_failures",
        subject: { kind: "ip", id: "203.0.113.9" },
        message: "203.0.113.9 has failed at least 12 times in each of the last 4 hours",
        observed: 54,
        threshold: 48,
        windowStart: toInstant(NOW - 4 * HOUR_MS),
        windowEnd: toInstant(NOW),
        evidence: { failures_by_hour: [15, 14, 13, 12] },
      },
    ]);
    expect(found(perHour(12, 11, 99, 99))).toEqual([]);
    expect(found(perHour(99, 99, 99))).toEqual([]);
  });

  it("leaves out the hour that is not over", () => {
    const later = { ...perHour(12, 12, 12, 12), nowMs: NOW + 59 * MINUTE_MS };
    expect(found(later)).toMatchObject([{ windowEnd: toInstant(NOW) }]);
  });
});

describe("token_networks", () => {
  const on = (network: string, ...counts: readonly (readonly [number, number])[]) =>
    counted("app", `${network} t1`, ...counts);

  it("raises a token that came to three networks within twenty minutes", () => {
    const three = [
      on("10.0.0.0/16", [20, 1]),
      on("20.0.0.0/16", [5, 2]),
      on("30.0.0.0/16", [1, 3]),
    ];
    expect(found({ networks: three.slice(1) })).toEqual([]);
    expect(found({ networks: [...three.slice(1), on("10.0.0.0/16", [21, 1], [0, 1])] })).toEqual(
      [],
    );
    expect(found({ networks: three })).toMatchObject([
      {
        rule: "token_networks",
        subject: { kind: "token", id: "t1" },
        clientId: "app",
        message: "Token t1 was used from 3 networks within 20 minutes",
        observed: 3,
        threshold: 3,
        windowStart: toInstant(NOW - 20 * MINUTE_MS),
        windowEnd: toInstant(NOW),
        evidence: {
          changes_to_network: { "10.0.0.0/16": 1, "20.0.0.0/16": 2, "30.0.0.0/16": 3 },
        },
      },
    ]);
  });
});

describe("revoked_token", () => {
  const revoked = (minutesAgo: number) =>
    new Map([["t1", toInstant(NOW - minutesAgo * MINUTE_MS)]]);

  it("raises a token that is used when the grace after its revocation is over", () => {
    const failedTokens = [counted("app", "revoked_token t1", [61, 10], [60, 1], [46, 2], [45, 4])];
    expect(found({ failedTokens, revokedAt: revoked(600) })).toMatchObject([
      {
        rule: "revoked_token",
        subject: { kind: "token", id: "t1" },
        clientId: "app",
        observed: 7,
        threshold: 1,
        windowStart: toInstant(NOW - HOUR_MS),
        windowEnd: toInstant(NOW),
        evidence: { revoked_at: toInstant(NOW - 600 * MINUTE_MS) },
      },
    ]);
    expect(found({ failedTokens, revokedAt: revoked(60) })).toMatchObject([
      { observed: 4, windowStart: toInstant(NOW - 45 * MINUTE_MS) },
    ]);
    expect(found({ failedTokens, revokedAt: revoked(59) })).toEqual([]);
  });

  it("raises no token that failed for another reason, or of whose revocation nothing is known", () => {
    const failed = (value: string) => [counted("app", value, [1, 5])];
    expect(found({ failedTokens: failed("expired_token t1"), revokedAt: revoked(600) })).toEqual(
      [],
    );
    expect(found({ failedTokens: failed("revoked_token t2"), revokedAt: revoked(600) })).toEqual(
      [],
    );
  });
});

describe("credential_reuse", () => {
  it("raises each client whose codes or refresh tokens were presented twice, within the hour", () => {
    const failedReasons = [
      counted("app", "refresh_token_reused", [60, 2], [1, 1]),
      counted("web", "authorization_code_reused", [1, 1]),
      counted("old", "refresh_token_reused", [61, 9], [0, 9]),
      counted("app", "expired_token", [1, 9]),
    ];
    expect(found({ failedReasons })).toMatchObject([
      {
        rule: "credential_reuse",
        subject: { kind: "client", id: "app" },
        message: "app had 3 refusals with refresh_token_reused within an hour",
        observed: 3,
        threshold: 1,
        windowStart: toInstant(NOW - HOUR_MS),
        windowEnd: toInstant(NOW),
        evidence: { reason: "refresh_token_reused" },
      },
      { subject: { kind: "client", id: "web" }, observed: 1 },
    ]);
    expect(found({ failedReasons }, { credential_reuse: { enabled: false } })).toEqual([]);
  });
});

describe("dormant_token", () => {
  it("raises a token that woke within two hours and is busy now", () => {
    const woke = (minutesAgo: number, uses: number) =>
      found({
        dormantTokens: [counted("batch", "t1", [minutesAgo, 1])],
        usesOfDormant: new Map([["t1", uses]]),
      });
    expect(woke(120, 49)).toEqual([]);
    expect(woke(121, 50)).toEqual([]);
    expect(woke(120, 50)).toMatchObject([
      {
        rule: "dormant_token",
        subject: { kind: "token", id: "t1" },
        clientId: "batch",
        observed: 50,
        threshold: 50,
        windowStart: toInstant(NOW - HOUR_MS),
        windowEnd: toInstant(NOW),
      },
    ]);
    expect(found({ dormantTokens: [counted("batch", "t1", [1, 1])] })).toEqual([]);
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
          raised,
        })),
      ],
    ]);
  const from = (network: string, ...counts: readonly (readonly [number, number])[]) =>
    counted("service", network, ...counts);

  it("raises a service that came from a network it never was on, once it is known for two days", () => {
    const serviceNetworks = [from("203.0.0.0/16", [60, 1], [2, 2]), from("203.0.0.0/16", [1, 4])];
    expect(found({ serviceNetworks, knownNetworks: known(["10.1.0.0/16", 47]) })).toEqual([]);
    expect(found({ serviceNetworks })).toEqual([]);
    expect(found({ serviceNetworks, knownNetworks: known(["10.1.0.0/16", 48]) })).toMatchObject([
      {
        rule: "new_network",
        subject: { kind: "client", id: "service" },
        message: "service is used from 203.0.0.0/16, where it never was before",
        observed: 7,
        threshold: 1,
        windowStart: toInstant(NOW - HOUR_MS),
        windowEnd: toInstant(NOW),
        evidence: { network: "203.0.0.0/16", known_networks: ["10.1.0.0/16"] },
      },
    ]);
  });

  it("goes on raising a network within the hour in which it was first seen, and no longer", () => {
    const serviceNetworks = [from("203.0.0.0/16", [1, 1])];
    const seen = (hoursAgo: number) =>
      found({
        serviceNetworks,
        knownNetworks: known(["10.1.0.0/16", 100], ["203.0.0.0/16", hoursAgo, true]),
      });
    expect(seen(1)).toHaveLength(1);
    expect(seen(1.01)).toEqual([]);
  });

  it("raises no service that is used from everywhere, or that did not come in the last hour", () => {
    const many = [1, 2, 3, 4].map((n) => [`10.${n}.0.0/16`, 100 - n] as const);
    const serviceNetworks = [from("203.0.0.0/16", [1, 1])];
    expect(found({ serviceNetworks, knownNetworks: known(...many) })).toEqual([]);
    expect(found({ serviceNetworks, knownNetworks: known(...many.slice(1)) })).toHaveLength(1);
    // What was raised, or seen only now, does not count as the service's own.
    for (const fourth of [
      ["10.9.0.0/16", 90, true],
      ["10.9.0.0/16", 0.5],
    ] as const) {
      const knownNetworks = known(...many.slice(1), fourth);
      expect(found({ serviceNetworks, knownNetworks })).toHaveLength(1);
    }
    const idle = [from("203.0.0.0/16", [61, 1], [0, 1])];
    expect(found({ serviceNetworks: idle, knownNetworks: known(...many.slice(1)) })).toEqual([]);
  });
});
