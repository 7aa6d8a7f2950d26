import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import { type CustomRule, customRuleSchema } from "../config/custom-rule-parameters.ts";
import { DAY_MS } from "../core/clock.ts";
import type { RuleCounts } from "./rules/custom-rule.ts";
import { peaks, type TriedAlert, type TriedRange, tryRule } from "./try-rule.ts";

/** A threshold of the configuration, and what it would have raised. */
export interface Suggestion {
  /** Where it is in the configuration: `anomalies.rules.failure_burst.perIp`. */
  readonly setting: string;
  readonly counts: string;
  readonly present: number;
  readonly suggested: number;
  /** Alerts within the range, by the number alone. */
  readonly would_raise: { readonly present: number; readonly suggested: number };
  /** What the suggested threshold would have raised, the highest count first. */
  readonly alerts: readonly TriedAlert[];
}

/** Shown of the alerts. */
const MOST_ALERTS = 5;

interface Threshold {
  readonly setting: string;
  readonly counts: string;
  /** The rule of counts that compares with it. */
  readonly rule: CustomRule;
  /** The least that is worth an alert. */
  readonly least: number;
}

/** The thresholds that counts alone can try: numbers of a window, and custom rules. */
function thresholdsOf({ rules, custom }: AnomaliesConfig): Threshold[] {
  const of = (name: string, parts: object) => customRuleSchema.parse({ name, ...parts });
  const guesses = { filter: { guesses: true } } as const;
  return [
    {
      setting: "anomalies.rules.failure_burst.perIp",
      counts: `guesses of an address within ${rules.failure_burst.windowMinutes} minutes`,
      rule: of("failure_burst", {
        ...guesses,
        groupBy: "address",
        windowMinutes: Math.max(5, rules.failure_burst.windowMinutes),
        threshold: rules.failure_burst.perIp,
      }),
      least: 10,
    },
    {
      setting: "anomalies.rules.failure_rate.minimum",
      counts: "guesses at a client within an hour",
      rule: of("failure_rate", {
        ...guesses,
        groupBy: "client",
        threshold: rules.failure_rate.minimum,
      }),
      least: 10,
    },
    {
      setting: "anomalies.rules.issuance_rate.minimum",
      counts: "tokens issued to a client within an hour",
      rule: of("issuance_rate", {
        types: ["token_issued"],
        groupBy: "client",
        threshold: rules.issuance_rate.minimum,
      }),
      least: 10,
    },
    ...custom.map((rule) => ({
      setting: `anomalies.custom.${rule.name}.threshold`,
      counts: `what ${rule.name} counts of a ${rule.groupBy} within ${rule.windowMinutes} minutes`,
      rule,
      least: 2,
    })),
  ];
}

/** Two digits, rounded up: nobody sets a threshold of 1,037. */
function rounded(value: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1);
  return Math.ceil(value / unit) * unit;
}

/**
 * The lowest threshold that would have raised no more than so many alerts: it lies above the peaks of all subjects but the
 * few that stand out.
 */
function lowest(
  { rule, least }: Threshold,
  counts: RuleCounts,
  range: TriedRange,
  most: number,
): number {
  const raises = (threshold: number) => tryRule({ ...rule, threshold }, counts, range).length;
  let [low, high] = [least, Math.max(least, (peaks(rule, counts, range)[0] ?? 0) + 1)];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (raises(middle) > most) low = middle + 1;
    else high = middle;
  }
  return rounded(low);
}

/**
 * Proposes thresholds from what was counted: the lowest that would have raised at most `perWeek` alerts a week, or one.
 *
 * @param perWeek alerts a week and threshold that somebody has time for
 */
export function suggestThresholds(
  anomalies: AnomaliesConfig,
  counts: RuleCounts,
  range: TriedRange,
  perWeek: number,
): Suggestion[] {
  // One at least: a history with one attack must not make the rule blind to it.
  const most = Math.max(1, Math.floor((perWeek * (range.toMs - range.fromMs)) / (7 * DAY_MS)));
  return thresholdsOf(anomalies).map((threshold) => {
    const { setting, counts: what, rule } = threshold;
    const suggested = lowest(threshold, counts, range, most);
    const alerts = tryRule({ ...rule, threshold: suggested }, counts, range);
    return {
      setting,
      counts: what,
      present: rule.threshold,
      suggested,
      would_raise: {
        present: tryRule(rule, counts, range).length,
        suggested: alerts.length,
      },
      alerts: alerts.sort((a, b) => b.observed - a.observed).slice(0, MOST_ALERTS),
    };
  });
}
