import * as z from "zod";
import { HOUR_MS, toInstant } from "../../shared/core/clock.ts";
import { printable, type Report } from "../../shared/core/terminal.ts";
import { listAlerts } from "../../shared/detection/alert-store.ts";
import { listMutes, muteClient, unmuteClient } from "../../shared/detection/mutes.ts";
import { ANOMALY_RULES } from "../../shared/detection/rules/find-anomalies.ts";
import {
  reviewAlert,
  VERDICTS,
  verdictFigures,
  withReviews,
} from "../../shared/detection/verdicts.ts";
import { identifierSchema } from "../../shared/events/identifiers.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { parseOptions, toActor } from "../program/options.ts";
import { type ReportCommand, tableOr } from "../program/report-command.ts";

/** Accepts the names of built-in rules and of rules in the configuration. */
const muteSchema = ({ config }: Target) =>
  z.object({
    client: identifierSchema,
    rule: z
      .enum([...Object.keys(ANOMALY_RULES), ...config.anomalies.custom.map(({ name }) => name)] as [
        string,
      ])
      .optional(),
    hours: z.coerce
      .number()
      .positive()
      .max(24 * 365)
      .default(24),
  });

async function alertsList(target: Target, options: { resolved?: boolean }): Promise<Report> {
  const state = options.resolved ? "resolved" : "open";
  const found = await listAlerts(target, state);
  const alerts = await withReviews(
    target,
    found.sort((a, b) => b.score - a.score),
  );
  const rows = alerts.map(({ review, ...alert }) => [
    alert.risk,
    alert.opened_at,
    alert.rule,
    `${alert.subject.kind} ${alert.subject.id}`,
    Math.max(1, alert.findings.length),
    review?.verdict ?? (review?.acknowledged_by === undefined ? "" : "acknowledged"),
    alert.message,
    alert.alert_id,
  ]);
  const head = ["RISK", "OPENED", "RULE", "SUBJECT", "FINDINGS", "REVIEW", "MESSAGE", "ALERT"];
  return { json: { alerts }, text: tableOr(`No ${state} alerts.`, head, rows) };
}

const reviewSchema = z.object({
  as: identifierSchema.optional(),
  note: z.string().optional(),
  verdict: z.enum([...VERDICTS, "none"]).optional(),
});

async function review(
  target: Target,
  alertId: string,
  options: object,
  acknowledge?: true,
): Promise<Report> {
  const { as, ...changes } = parseOptions(reviewSchema, options);
  const { id: by } = toActor(as);
  const review = await reviewAlert(target, { alertId, by, acknowledge, ...changes });
  const facts = [
    ...(review.acknowledged_by === undefined ? [] : [`acknowledged by ${review.acknowledged_by}`]),
    review.verdict === undefined
      ? "no verdict"
      : `verdict ${review.verdict} by ${review.verdict_by}`,
    `${review.notes.length} note${review.notes.length === 1 ? "" : "s"}`,
  ];
  return {
    json: { alert_id: alertId, review },
    text: printable(`${alertId}: ${facts.join(", ")}.`),
  };
}

async function alertsFigures(target: Target): Promise<Report> {
  const [open, resolved] = await Promise.all([
    listAlerts(target, "open"),
    listAlerts(target, "resolved"),
  ]);
  const rules = verdictFigures(await withReviews(target, [...open, ...resolved]));
  const rows = rules.map((each) => [
    each.rule,
    each.subjects,
    each.true,
    each.false,
    each.benign,
    each.precision === undefined ? "" : `${Math.round(100 * each.precision)}%`,
  ]);
  const head = ["RULE", "SUBJECTS", "TRUE", "FALSE", "BENIGN", "PRECISION"];
  return { json: { rules }, text: tableOr("No alerts.", head, rows) };
}

async function alertsMute(target: Target, options: unknown): Promise<Report> {
  const { client, rule, hours } = parseOptions(muteSchema(target), options);
  const mute = {
    oauth_client_id: client,
    rule,
    until: toInstant(target.clock() + hours * HOUR_MS),
  };
  await muteClient(target, mute);
  return {
    json: mute,
    text: `Muted ${rule ?? "all rules"} for ${printable(client)} until ${mute.until}.`,
  };
}

async function alertsUnmute(target: Target, options: unknown): Promise<Report> {
  const { client, rule } = parseOptions(muteSchema(target), options);
  await unmuteClient(target, { oauth_client_id: client, rule });
  return {
    json: { oauth_client_id: client, rule },
    text: `Unmuted ${rule ?? "all rules"} for ${printable(client)}.`,
  };
}

async function alertsMutes(target: Target): Promise<Report> {
  const mutes = await listMutes(target, target.clock());
  const rows = mutes.map((mute) => [mute.oauth_client_id, mute.rule ?? "every rule", mute.until]);
  const text = tableOr("No clients are muted.", ["CLIENT", "RULE", "UNTIL"], rows);
  return { json: { mutes }, text };
}

function registerMutes(alerts: ReportCommand): void {
  const muting = (name: string, description: string) =>
    alerts
      .command(name)
      .description(description)
      .requiredOption("--client <id>", "OAuth client id")
      .option("--rule <name>", "rule; default all rules");
  muting("mute", "suppress alerts about a client for a limited time")
    .option("--hours <number>", "duration in hours", "24")
    .examples(
      "alerts mute --client load-test --hours 2",
      "alerts mute --client mobile-app --rule issuance_rate",
    )
    .runOnStack(alertsMute);
  muting("unmute", "end a mute early").runOnStack(alertsUnmute);
  alerts
    .command("mutes")
    .description("list muted clients and when each mute ends")
    .runOnStack(alertsMutes);
}

function registerReviews(alerts: ReportCommand): void {
  const reviewing = (name: string, description: string) =>
    alerts
      .command(name)
      .description(description)
      .argument("<alert-id>", "alert id, as shown by alerts list")
      .option("--as <name>", "author; default your user name on this machine");
  reviewing("acknowledge", "mark an alert as being investigated")
    .option("--note <text>", "note")
    .runOnStack((target, id: string, options: object) => review(target, id, options, true));
  reviewing("note", "add a note to an alert")
    .argument("<text>", "text of the note")
    .examples('alerts note failure_burst#ip#203.0.113.66 "it is the load test"')
    .runOnStack((target, id: string, note: string, options: object) =>
      review(target, id, { ...options, note }),
    );
  reviewing(
    "verdict",
    "record whether an alert was right; benign also suppresses this rule for the alert's subject",
  )
    .argument("<verdict>", "true, false, benign, or none to remove the verdict")
    .option("--note <text>", "note")
    .examples("alerts verdict failure_burst#ip#203.0.113.66 true")
    .runOnStack((target, id: string, verdict: string, options: object) =>
      review(target, id, { ...options, verdict }),
    );
}

/** Returns the command, so that others can add subcommands. */
export function registerAlerts(program: ReportCommand): ReportCommand {
  const alerts = program.command("alerts").description("manage alerts");
  alerts
    .command("list")
    .description("list open alerts, highest score first, with acknowledgements and verdicts")
    .option("--resolved", "list resolved alerts instead")
    .runOnStack(alertsList);
  registerMutes(alerts);
  registerReviews(alerts);
  alerts
    .command("figures")
    .description("show the precision of each rule, from the verdicts on its alerts")
    .runOnStack(alertsFigures);
  return alerts;
}
