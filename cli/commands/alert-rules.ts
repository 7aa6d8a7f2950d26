import { existsSync, readFileSync } from "node:fs";
import * as z from "zod";
import { checkedCustomRuleSchema } from "../../shared/config/custom-rule-checks.ts";
import type { CustomRule } from "../../shared/config/custom-rule-parameters.ts";
import { DAY_MS, toInstant } from "../../shared/core/clock.ts";
import { explain, parseInput } from "../../shared/core/errors.ts";
import { printable, type Report, table } from "../../shared/core/terminal.ts";
import { readRuleHistory } from "../../shared/detection/rule-history.ts";
import { suggestThresholds } from "../../shared/detection/suggest-thresholds.ts";
import { type TriedAlert, tryRule } from "../../shared/detection/try-rule.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { UnusableInputError } from "./providers.ts";

const daysSchema = z.coerce.number().int().min(1).max(60).default(14);
const tryOptionsSchema = z.object({ days: daysSchema });
const suggestOptionsSchema = z.object({
  days: daysSchema,
  perWeek: z.coerce.number().min(0).max(1000).default(1),
});

/** Maximum number of alerts in a report. */
const MOST_LISTED = 50;

/** Finds a rule by name in the configuration, or reads it from a file. */
function findRule(given: string, { config }: Target): CustomRule {
  const configured = config.anomalies.custom.find(({ name }) => name === given);
  if (configured) return configured;
  if (!existsSync(given)) {
    const names = config.anomalies.custom.map(({ name }) => name).join(", ") || "none";
    throw new UnusableInputError(
      `${given} is neither a file nor a rule in anomalies.custom (${names}). Give a JSON file with one rule`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(given, "utf8"));
  } catch (error) {
    throw new UnusableInputError(`${given} is not valid JSON: ${(error as Error).message}`);
  }
  const parsed = checkedCustomRuleSchema.safeParse(value);
  if (!parsed.success) {
    throw new UnusableInputError(`${given} is not a valid rule: ${explain(parsed.error)}`);
  }
  return parsed.data;
}

const subjectOf = ({ subject }: TriedAlert) => printable(`${subject.kind} ${subject.id}`);

function alertRows(alerts: readonly TriedAlert[]): string {
  return table(
    ["OPENED", "LAST SEEN", "SUBJECT", "COUNT"],
    alerts
      .slice(0, MOST_LISTED)
      .map((alert) => [
        alert.opened_at,
        alert.last_seen_at,
        subjectOf(alert),
        String(alert.observed),
      ]),
  );
}

function rangeOf(target: Target, days: number) {
  const toMs = target.clock();
  return {
    fromMs: toMs - days * DAY_MS,
    toMs,
    everyMinutes: target.config.anomalies.everyMinutes,
  };
}

/**
 * `alerts try`: shows which alerts a rule would have raised, without changing anything.
 *
 * @throws UnusableInputError if the rule doesn't exist or is invalid
 */
export async function alertsTry(target: Target, given: string, options: unknown): Promise<Report> {
  const { days } = parseInput(tryOptionsSchema, "the options", options);
  const rule = findRule(given, target);
  const range = rangeOf(target, days);
  const counts = await readRuleHistory(target, range, new Set([rule.groupBy]));
  const alerts = tryRule(rule, counts, range);
  const heading = `${rule.name} would have raised ${alerts.length} alerts in the ${days} days since ${toInstant(range.fromMs)}.`;
  const more =
    alerts.length > MOST_LISTED
      ? `\n… and ${alerts.length - MOST_LISTED} more: use --json to list all`
      : "";
  return {
    json: { rule, from: toInstant(range.fromMs), to: toInstant(range.toMs), alerts },
    text: alerts.length === 0 ? heading : `${heading}\n\n${alertRows(alerts)}${more}`,
  };
}

/** `anomalies suggest`: suggests thresholds based on the counters, without changing anything. */
export async function anomaliesSuggest(target: Target, options: unknown): Promise<Report> {
  const { days, perWeek } = parseInput(suggestOptionsSchema, "the options", options);
  const range = rangeOf(target, days);
  const { anomalies } = target.config;
  const groups = new Set(["client", "address", ...anomalies.custom.map((rule) => rule.groupBy)]);
  const counts = await readRuleHistory(target, range, groups as Set<CustomRule["groupBy"]>);
  const suggestions = suggestThresholds(anomalies, counts, range, perWeek);
  const rows = suggestions.map((each) => [
    each.setting,
    String(each.present),
    String(each.would_raise.present),
    String(each.suggested),
    String(each.would_raise.suggested),
  ]);
  const details = suggestions
    .filter(({ alerts }) => alerts.length > 0)
    .map(
      ({ setting, alerts }) => `\nAlerts with the suggested ${setting}:\n\n${alertRows(alerts)}`,
    );
  return {
    json: { from: toInstant(range.fromMs), to: toInstant(range.toMs), suggestions },
    text: [
      `Based on the ${days} days since ${toInstant(range.fromMs)}, for at most ${perWeek} alerts per week each:`,
      "",
      table(["SETTING", "NOW", "RAISES", "SUGGESTED", "WOULD RAISE"], rows),
      "",
      "These numbers compare only the thresholds. Built-in rules also compare with usual activity, so they raise fewer alerts.",
      "Do not raise a threshold if the alerts it raises now were real attacks.",
      ...details,
    ].join("\n"),
  };
}
