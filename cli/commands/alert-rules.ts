import { existsSync } from "node:fs";
import * as z from "zod";
import { checkedCustomRuleSchema } from "../../shared/config/custom-rule-checks.ts";
import type { CustomRule } from "../../shared/config/custom-rule-parameters.ts";
import { DAY_MS, toInstant } from "../../shared/core/clock.ts";
import { explain } from "../../shared/core/errors.ts";
import type { Report } from "../../shared/core/terminal.ts";
import { readRuleHistory } from "../../shared/detection/rule-history.ts";
import { ANOMALY_RULES } from "../../shared/detection/rules/find-anomalies.ts";
import { suggestThresholds } from "../../shared/detection/suggest-thresholds.ts";
import { type TriedAlert, tryRule } from "../../shared/detection/try-rule.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { parseOptions, readBytes } from "../program/options.ts";
import { type ReportCommand, tableOr, UsageError } from "../program/report-command.ts";

const daysSchema = z.coerce.number().int().min(1).max(60).default(14);
const tryOptionsSchema = z.object({ days: daysSchema });
const suggestOptionsSchema = z.object({
  days: daysSchema,
  perWeek: z.coerce.number().min(0).max(1000).default(1),
});

/** Maximum number of alerts in a report. */
const MAX_LISTED = 50;

/** Finds a rule by name in the configuration, or reads it from a file. */
function findRule(given: string, { config }: Target): CustomRule {
  const configured = config.anomalies.custom.find(({ name }) => name === given);
  if (configured) return configured;
  if (!existsSync(given)) {
    const names = config.anomalies.custom.map(({ name }) => name).join(", ") || "none";
    throw new UsageError(
      `${given} is neither a file nor a rule in anomalies.custom (${names}). Give a JSON file with one rule`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(readBytes(given).toString());
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${given} is not valid JSON: ${(error as Error).message}`);
  }
  const parsed = checkedCustomRuleSchema.safeParse(value);
  if (!parsed.success) {
    throw new UsageError(`${given} is not a valid rule: ${explain(parsed.error)}`);
  }
  return parsed.data;
}

function alertTable(alerts: readonly TriedAlert[]): string {
  const rows = alerts
    .slice(0, MAX_LISTED)
    .map(({ opened_at, last_seen_at, subject, observed }) => [
      opened_at,
      last_seen_at,
      `${subject.kind} ${subject.id}`,
      observed,
    ]);
  return tableOr("", ["OPENED", "LAST SEEN", "SUBJECT", "COUNT"], rows);
}

function pastDays({ clock, config }: Target, days: number) {
  const toMs = clock();
  const { everyMinutes } = config.anomalies;
  return { fromMs: toMs - days * DAY_MS, toMs, everyMinutes };
}

async function alertsTry(target: Target, given: string, options: unknown): Promise<Report> {
  const { days } = parseOptions(tryOptionsSchema, options);
  const rule = findRule(given, target);
  const range = pastDays(target, days);
  const counts = await readRuleHistory(target, range, new Set([rule.groupBy]));
  const alerts = tryRule(rule, counts, range);
  const heading = `${rule.name} would have raised ${alerts.length} alerts in the ${days} days since ${toInstant(range.fromMs)}.`;
  const more =
    alerts.length > MAX_LISTED
      ? `\n… and ${alerts.length - MAX_LISTED} more: use --json to list all`
      : "";
  return {
    json: { rule, from: toInstant(range.fromMs), to: toInstant(range.toMs), alerts },
    text: alerts.length === 0 ? heading : `${heading}\n\n${alertTable(alerts)}${more}`,
  };
}

async function anomaliesSuggest(target: Target, options: unknown): Promise<Report> {
  const { days, perWeek } = parseOptions(suggestOptionsSchema, options);
  const range = pastDays(target, days);
  const { anomalies } = target.config;
  const groups = new Set(["client", "address", ...anomalies.custom.map((rule) => rule.groupBy)]);
  const counts = await readRuleHistory(target, range, groups as Set<CustomRule["groupBy"]>);
  const suggestions = suggestThresholds(anomalies, counts, range, perWeek);
  const rows = suggestions.map((each) => [
    each.setting,
    each.present,
    each.would_raise.present,
    each.suggested,
    each.would_raise.suggested,
  ]);
  const details = suggestions
    .filter(({ alerts }) => alerts.length > 0)
    .map(
      ({ setting, alerts }) => `\nAlerts with the suggested ${setting}:\n\n${alertTable(alerts)}`,
    );
  return {
    json: { from: toInstant(range.fromMs), to: toInstant(range.toMs), suggestions },
    text: [
      `Based on the ${days} days since ${toInstant(range.fromMs)}, for at most ${perWeek} alerts per week each:`,
      "",
      tableOr("", ["SETTING", "NOW", "RAISES", "SUGGESTED", "WOULD RAISE"], rows),
      "",
      "These numbers compare only the thresholds. Built-in rules also compare with usual activity, so they raise fewer alerts.",
      "Do not raise a threshold if the alerts it raises now were real attacks.",
      ...details,
    ].join("\n"),
  };
}

function alertsRules(): Report {
  const rules = Object.values(ANOMALY_RULES).map(({ name, catches, falsePositives, advice }) => {
    return { name, catches, false_positives: falsePositives, advice };
  });
  const text = rules
    .map((rule) =>
      [
        rule.name,
        `  catches: ${rule.catches}`,
        `  also raised by: ${rule.false_positives}`,
        `  what to do: ${rule.advice}`,
      ].join("\n"),
    )
    .join("\n");
  return { json: { rules }, text };
}

/** @param alerts the command that lists and reviews alerts */
export function registerAlertRules(program: ReportCommand, alerts: ReportCommand): void {
  alerts
    .command("try")
    .description("show which alerts a custom rule would have raised, without changing anything")
    .argument("<rule>", "JSON file with one rule, or the name of a rule in anomalies.custom")
    .option("--days <number>", "number of past days to evaluate", "14")
    .examples("alerts try partner-tokens.json", "alerts try partner_tokens --days 30 --json")
    .runOnStack(alertsTry);
  alerts
    .command("rules")
    .description("list all rules: what each detects and how to respond")
    .run(alertsRules);
  program
    .command("anomalies")
    .description("tune detection thresholds")
    .command("suggest")
    .description("suggest thresholds from past counts, without changing anything")
    .option("--days <number>", "number of past days to evaluate", "14")
    .option("--per-week <number>", "maximum alerts per week for each threshold", "1")
    .examples("anomalies suggest", "anomalies suggest --days 30 --per-week 0.5 --json")
    .runOnStack(anomaliesSuggest);
}
