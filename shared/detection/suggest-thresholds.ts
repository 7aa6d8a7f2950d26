import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import { type CustomRule, customRuleSchema } from "../config/custom-rule-parameters.ts";
import { DAY_MS } from "../core/clock.ts";
import type { RuleCounts } from "./rules/custom-rule.ts";
import { peaks, type TriedAlert, type TriedRange, tryRule } from "./try-rule.ts";

/** A configured threshold, the suggested threshold, and the alerts that each would have raised. */
export interface Suggestion {
  /** Path of the setting in the configuration: `anomalies.rules.failure_burst.perIp`. */
  readonly setting: string;
  readonly counts: string;
  readonly present: number;
  readonly suggested: number;
  /** Number of alerts that each threshold would have raised in the range, judging by counts alone. */
  readonly would_raise: { readonly present: number; readonly suggested: number };
  /** Alerts that the suggested threshold would have raised, highest count first. */
  readonly alerts: readonly TriedAlert[];
}

/** Maximum number of alerts shown. */
const MAX_ALERTS = 5;

interface Threshold {
  readonly setting: string;
  readonly counts: string;
  /** A counting rule that uses the threshold. */
  readonly rule: CustomRule;
  /** Lowest threshold to suggest. */
  readonly minimum: number;
}

/** Returns the thresholds that can be tested with counts alone: limits on a count within a window, and custom rules. */
function listThresholds({ rules, custom }: AnomaliesConfig): Threshold[] {
  const createRule = (name: string, parts: object) => customRuleSchema.parse({ name, ...parts });
  const credentialGuesses = { filter: { credentialGuesses: true } } as const;
  return [
    {
      setting: "anomalies.rules.failure_burst.perIp",
      counts: `credential guesses from one address within ${rules.failure_burst.windowMinutes} minutes`,
      rule: createRule("failure_burst", {
        ...credentialGuesses,
        groupBy: "address",
        windowMinutes: Math.max(5, rules.failure_burst.windowMinutes),
        threshold: rules.failure_burst.perIp,
      }),
      minimum: 10,
    },
    {
      setting: "anomalies.rules.failure_rate.minimum",
      counts: "credential guesses at one client within an hour",
      rule: createRule("failure_rate", {
        ...credentialGuesses,
        groupBy: "client",
        threshold: rules.failure_rate.minimum,
      }),
      minimum: 10,
    },
    {
      setting: "anomalies.rules.issuance_rate.minimum",
      counts: "tokens issued to one client within an hour",
      rule: createRule("issuance_rate", {
        types: ["token_issued"],
        groupBy: "client",
        threshold: rules.issuance_rate.minimum,
      }),
      minimum: 10,
    },
    ...custom.map((rule) => ({
      setting: `anomalies.custom.${rule.name}.threshold`,
      counts: `events that ${rule.name} counts for one ${rule.groupBy} within ${rule.windowMinutes} minutes`,
      rule,
      minimum: 2,
    })),
  ];
}

/** Rounds up to two significant digits. */
function rounded(value: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1);
  return Math.ceil(value / unit) * unit;
}

/** Returns the lowest threshold that would have raised at most `maxAlerts` alerts. */
function lowest(
  { rule, minimum }: Threshold,
  counts: RuleCounts,
  range: TriedRange,
  maxAlerts: number,
): number {
  const raises = (threshold: number) => tryRule({ ...rule, threshold }, counts, range).length;
  let [low, high] = [minimum, Math.max(minimum, (peaks(rule, counts, range)[0] ?? 0) + 1)];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (raises(middle) > maxAlerts) low = middle + 1;
    else high = middle;
  }
  return rounded(low);
}

/**
 * Suggests the lowest thresholds that would have raised at most `perWeek` alerts a week each, or one alert in the whole
 * range if that is more.
 *
 * @param perWeek number of alerts that someone has time to handle, per week and threshold
 */
export function suggestThresholds(
  anomalies: AnomaliesConfig,
  counts: RuleCounts,
  range: TriedRange,
  perWeek: number,
): Suggestion[] {
  // Allows at least one alert. Otherwise, a history with a single attack would push the threshold above that attack.
  const maxAlerts = Math.max(1, Math.floor((perWeek * (range.toMs - range.fromMs)) / (7 * DAY_MS)));
  return listThresholds(anomalies).map((threshold) => {
    const { setting, counts: counted, rule } = threshold;
    const suggested = lowest(threshold, counts, range, maxAlerts);
    const alerts = tryRule({ ...rule, threshold: suggested }, counts, range);
    return {
      setting,
      counts: counted,
      present: rule.threshold,
      suggested,
      would_raise: {
        present: tryRule(rule, counts, range).length,
        suggested: alerts.length,
      },
      alerts: alerts.sort((a, b) => b.observed - a.observed).slice(0, MAX_ALERTS),
    };
  });
}
