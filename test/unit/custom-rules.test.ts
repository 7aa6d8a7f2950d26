import { describe, expect, it } from "vitest";
import { customRuleSchema } from "../../shared/config/custom-rule-parameters.ts";
import {
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "../../shared/config/monitoring-config.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, toInstant } from "../../shared/core/clock.ts";
import { findByCustomRule, type RuleCounts } from "../../shared/detection/rules/custom-rule.ts";
import type { SubjectCount } from "../../shared/detection/rules/detection-snapshot.ts";
import { findAnomalies } from "../../shared/detection/rules/find-anomalies.ts";
import { suggestThresholds } from "../../shared/detection/suggest-thresholds.ts";
import { tryRule } from "../../shared/detection/try-rule.ts";
import { quietSnapshot } from "../quiet-snapshot.ts";

const NOW = Date.parse("2026-11-23T10:00:00.000Z");

/** Creates counts from pairs of age in minutes and number. */
const counted = (
  clientId: string,
  value: string,
  ...counts: readonly (readonly [minutesAgo: number, count: number])[]
): SubjectCount => ({
  clientId,
  value,
  minutes: new Map(counts.map(([ago, count]) => [NOW - ago * MINUTE_MS, count])),
});

const NOTHING: RuleCounts = {
  typeCounts: [],
  clientCredentialGuesses: [],
  failedIps: [],
  credentialGuessesByIp: [],
  failedReasons: [],
};

type RuleInput = Parameters<typeof customRuleSchema.parse>[0];
const found = (rule: RuleInput, counts: Partial<RuleCounts>) =>
  findByCustomRule(customRuleSchema.parse(rule), { ...NOTHING, ...counts }, NOW);

describe("custom rules", () => {
  const tokens = { name: "many_tokens", types: ["token_issued"], groupBy: "client", threshold: 10 };

  it("alert on a client that reaches the threshold within the window, counting only the given event types", () => {
    const typeCounts = [
      counted("shop", "token_issued", [1, 4], [59, 6], [61, 50]),
      counted("shop", "token_used", [1, 100]),
      counted("other", "token_issued", [1, 9]),
    ];
    expect(found(tokens, { typeCounts })).toMatchObject([
      {
        subject: { kind: "client", id: "shop" },
        observed: 10,
        threshold: 10,
        score: 50,
        windowStart: toInstant(NOW - HOUR_MS),
        message:
          "client shop had 10 token_issued events within 60 minutes; the threshold of many_tokens is 10",
      },
    ]);
    expect(found({ ...tokens, windowMinutes: 30 }, { typeCounts })).toEqual([]);
    expect(found({ ...tokens, filter: { clients: ["other"] } }, { typeCounts })).toEqual([]);
  });

  it("group by address across all clients or by reason, and can count only credential guesses", () => {
    const failedIps = [counted("a", "192.0.2.1", [1, 6]), counted("b", "192.0.2.1", [2, 6])];
    const credentialGuessesByIp = [counted("a", "192.0.2.1", [1, 6])];
    const byAddress = { name: "refused_there", groupBy: "address", threshold: 10 };
    const [of] = found(byAddress, { failedIps, credentialGuessesByIp });
    expect(of).toMatchObject({ subject: { kind: "ip", id: "192.0.2.1" }, observed: 12 });
    expect(of?.clientId).toBeUndefined();
    const credentialGuesses = { ...byAddress, filter: { credentialGuesses: true } };
    expect(found(credentialGuesses, { failedIps, credentialGuessesByIp })).toEqual([]);
    expect(
      found({ ...credentialGuesses, threshold: 6 }, { failedIps, credentialGuessesByIp }),
    ).toMatchObject([{ observed: 6, clientId: "a" }]);
    const failedReasons = [
      counted("a", "expired_token", [1, 20]),
      counted("a", "not_before", [1, 20]),
    ];
    const byReason = { name: "clocks_off", groupBy: "reason", threshold: 10 };
    expect(
      found({ ...byReason, filter: { reasons: ["not_before"] } }, { failedReasons }),
    ).toMatchObject([{ subject: { kind: "reason", id: "not_before" } }]);
    const clientCredentialGuesses = [counted("a", "", [1, 12])];
    expect(
      found(
        {
          name: "guessed_at",
          groupBy: "client",
          threshold: 12,
          filter: { credentialGuesses: true },
        },
        { clientCredentialGuesses },
      ),
    ).toMatchObject([{ subject: { kind: "client", id: "a" } }]);
  });

  it("run in addition to the built-in rules unless disabled", () => {
    const snapshot = quietSnapshot(NOW, {
      typeCounts: [counted("shop", "token_issued", [1, 10])],
    });
    const raised = (enabled: boolean) => {
      const custom = [{ ...tokens, enabled, advice: "Call the shop." }];
      const { anomalies } = parseMonitoringConfig({
        anomalies: { custom },
      } as MonitoringConfigInput);
      return findAnomalies(snapshot, anomalies.rules, anomalies.custom);
    };
    expect(raised(true)).toMatchObject([
      { rule: { name: "many_tokens", advice: "Call the shop." } },
    ]);
    expect(raised(false)).toEqual([]);
  });

  it("report configuration errors and how to fix them", () => {
    const rejected = (rule: object) => {
      try {
        parseMonitoringConfig({ anomalies: { custom: [rule] } } as MonitoringConfigInput);
        return "";
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(rejected({ ...tokens, groupBy: "address" })).toContain(
      'groupBy "address" counts all denials together. Omit types, or set groupBy to "client"',
    );
    expect(rejected({ ...tokens, filter: { reasons: ["x"] } })).toContain(
      'Set groupBy to "reason"',
    );
    expect(rejected({ ...tokens, filter: { credentialGuesses: true } })).toContain(
      "credential guesses are auth_failed events",
    );
    expect(
      rejected({
        name: "abc",
        groupBy: "reason",
        threshold: 1,
        filter: { credentialGuesses: true },
      }),
    ).toContain("List the reasons in filter.reasons");
    expect(rejected({ ...tokens, name: "token_theft" })).toContain(
      "token_theft is a built-in rule. Choose another name",
    );
    expect(rejected({ ...tokens, name: "No" })).toContain("a lower-case letter, then 2 to 40");
    expect(() =>
      parseMonitoringConfig({ anomalies: { custom: [tokens, tokens] } } as MonitoringConfigInput),
    ).toThrow("two rules are named many_tokens");
  });
});

describe("tryRule", () => {
  const range = { fromMs: NOW - 2 * DAY_MS, toMs: NOW, everyMinutes: 5 };
  const rule = customRuleSchema.parse({ name: "refused_there", groupBy: "address", threshold: 10 });

  it("reports the alerts that detection runs would have raised, one per ongoing incident", () => {
    const failedIps = [
      // Active for two hours ten hours ago, and again three hours ago. Gaps of less than six
      // hours don't split an incident.
      counted("a", "192.0.2.1", [600, 10], [540, 12], [480, 30], [200, 11]),
      counted("a", "192.0.2.2", [2000, 20], [30, 10]),
      counted("a", "192.0.2.3", [30, 9]),
    ];
    expect(tryRule(rule, { ...NOTHING, failedIps }, range)).toEqual([
      {
        subject: { kind: "ip", id: "192.0.2.2" },
        opened_at: toInstant(NOW - 1995 * MINUTE_MS),
        last_seen_at: toInstant(NOW - 1940 * MINUTE_MS),
        observed: 20,
      },
      {
        subject: { kind: "ip", id: "192.0.2.1" },
        opened_at: toInstant(NOW - 595 * MINUTE_MS),
        last_seen_at: toInstant(NOW - 140 * MINUTE_MS),
        observed: 30,
      },
      {
        subject: { kind: "ip", id: "192.0.2.2" },
        opened_at: toInstant(NOW - 25 * MINUTE_MS),
        last_seen_at: toInstant(NOW),
        observed: 10,
      },
    ]);
  });

  it("raises the same alerts as the rule in every detection run", () => {
    const failedIps = [counted("a", "192.0.2.1", [200, 5], [170, 5], [140, 3], [20, 10])];
    const alerts = tryRule(rule, { ...NOTHING, failedIps }, range);
    const runs: number[] = [];
    for (let atMs = range.fromMs; atMs <= NOW; atMs += 5 * MINUTE_MS) {
      if (findByCustomRule(rule, { ...NOTHING, failedIps }, atMs).length > 0) runs.push(atMs);
    }
    expect(alerts[0]?.opened_at).toBe(toInstant(runs[0] ?? 0));
    expect(alerts.at(-1)?.last_seen_at).toBe(toInstant(runs.at(-1) ?? 0));
  });
});

describe("suggestThresholds", () => {
  const range = { fromMs: NOW - 14 * DAY_MS, toMs: NOW, everyMinutes: 5 };
  const { anomalies } = parseMonitoringConfig({});
  const suggested = (credentialGuessesByIp: readonly SubjectCount[], perWeek = 1) =>
    suggestThresholds(anomalies, { ...NOTHING, credentialGuessesByIp }, range, perWeek).find(
      ({ setting }) => setting === "anomalies.rules.failure_burst.perIp",
    );

  it("suggests a threshold above the usual counts and below the outliers", () => {
    const usual = Array.from({ length: 40 }, (_, n) =>
      counted("a", `192.0.2.${n}`, [300 + n * 400, 31]),
    );
    const attack = counted("a", "203.0.113.9", [100, 500]);
    expect(suggested([...usual, attack])).toMatchObject({
      present: 20,
      suggested: 32,
      would_raise: { present: 41, suggested: 1 },
      alerts: [{ subject: { id: "203.0.113.9" }, observed: 500 }],
    });
  });

  it("never suggests a threshold below the minimum and counts an attack once", () => {
    expect(suggested([])).toMatchObject({ suggested: 10, would_raise: { suggested: 0 } });
    expect(suggested([counted("a", "203.0.113.9", [100, 500])], 0)).toMatchObject({
      suggested: 10,
      would_raise: { suggested: 1 },
    });
  });

  it("suggests thresholds for custom rules too", () => {
    const custom = [
      customRuleSchema.parse({ name: "refused_there", groupBy: "address", threshold: 3 }),
    ];
    const failedIps = Array.from({ length: 30 }, (_, n) =>
      counted("a", `192.0.2.${n}`, [300 + n * 400, 7]),
    );
    expect(
      suggestThresholds({ ...anomalies, custom }, { ...NOTHING, failedIps }, range, 1).at(-1),
    ).toMatchObject({
      setting: "anomalies.custom.refused_there.threshold",
      suggested: 8,
      would_raise: { present: 30, suggested: 0 },
    });
  });
});
