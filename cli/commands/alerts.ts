import * as z from "zod";
import { HOUR_MS, toInstant } from "../../shared/core/clock.ts";
import { parseInput } from "../../shared/core/errors.ts";
import { printable, type Report, table } from "../../shared/core/terminal.ts";
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
import { actorOf } from "./actor.ts";

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

/** `alerts list`: lists open alerts, or resolved alerts with `--resolved`, highest score first. */
export async function alertsList(
  target: Target,
  options: { readonly resolved?: boolean },
): Promise<Report> {
  const found = await listAlerts(target, options.resolved ? "resolved" : "open");
  const alerts = await withReviews(
    target,
    found.sort((a, b) => b.score - a.score),
  );
  const rows = alerts.map(({ review, ...alert }) => [
    alert.risk,
    alert.opened_at,
    alert.rule,
    printable(`${alert.subject.kind} ${alert.subject.id}`),
    String(Math.max(1, alert.findings.length)),
    review?.verdict ?? (review?.acknowledged_by === undefined ? "" : "acknowledged"),
    printable(alert.message),
    printable(alert.alert_id),
  ]);
  const head = ["RISK", "OPENED", "RULE", "SUBJECT", "FINDINGS", "REVIEW", "MESSAGE", "ALERT"];
  const text =
    rows.length > 0 ? table(head, rows) : `No ${options.resolved ? "resolved" : "open"} alerts.`;
  return { json: { alerts }, text };
}

const saidSchema = z.object({ as: identifierSchema.optional(), note: z.string().optional() });

async function review(
  target: Target,
  alertId: string,
  options: unknown,
  said: { readonly acknowledge?: true; readonly note?: string; readonly verdict?: Verdict },
): Promise<Report> {
  const { as, note } = parseInput(saidSchema, "the options", options);
  const { id: by } = actorOf(as);
  const kept = await reviewAlert(target, {
    alertId,
    by,
    ...(note !== undefined && { note }),
    ...said,
  });
  const facts = [
    ...(kept.acknowledged_by === undefined ? [] : [`acknowledged by ${kept.acknowledged_by}`]),
    kept.verdict === undefined ? "no verdict" : `verdict ${kept.verdict} by ${kept.verdict_by}`,
    `${kept.notes.length} note${kept.notes.length === 1 ? "" : "s"}`,
  ];
  return {
    json: { alert_id: alertId, review: kept },
    text: printable(`${alertId}: ${facts.join(", ")}.`),
  };
}

const verdictSchema = z.enum([...VERDICTS, "none"]);

type Verdict = z.output<typeof verdictSchema>;

/** `alerts acknowledge`: marks an alert as being investigated. */
export function alertsAcknowledge(
  target: Target,
  alertId: string,
  options: unknown,
): Promise<Report> {
  return review(target, alertId, options, { acknowledge: true });
}

/** `alerts note`: adds a note to an alert. */
export function alertsNote(
  target: Target,
  alertId: string,
  note: string,
  options: unknown,
): Promise<Report> {
  return review(target, alertId, options, { note });
}

/** `alerts verdict`: sets or clears the verdict on an alert. */
export async function alertsVerdict(
  target: Target,
  alertId: string,
  verdict: string,
  options: unknown,
): Promise<Report> {
  const asked = parseInput(verdictSchema, "the verdict", verdict);
  return review(target, alertId, options, { verdict: asked });
}

/** `alerts figures`: prints the precision of each rule, based on the verdicts on its alerts. */
export async function alertsFigures(target: Target): Promise<Report> {
  const [open, resolved] = await Promise.all([
    listAlerts(target, "open"),
    listAlerts(target, "resolved"),
  ]);
  const rules = verdictFigures(await withReviews(target, [...open, ...resolved]));
  const rows = rules.map((each) => [
    each.rule,
    ...[each.subjects, each.true, each.false, each.benign].map(String),
    each.precision === undefined ? "" : `${Math.round(100 * each.precision)} %`,
  ]);
  const head = ["RULE", "SUBJECTS", "TRUE", "FALSE", "BENIGN", "PRECISION"];
  return { json: { rules }, text: rows.length > 0 ? table(head, rows) : "No alerts." };
}

/** `alerts mute`: suppresses alerts about a client for a limited time. */
export async function alertsMute(target: Target, options: unknown): Promise<Report> {
  const { client, rule, hours } = parseInput(muteSchema(target), "the options", options);
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

/** `alerts unmute`: ends a mute early. */
export async function alertsUnmute(target: Target, options: unknown): Promise<Report> {
  const { client, rule } = parseInput(muteSchema(target), "the options", options);
  await unmuteClient(target, { oauth_client_id: client, rule });
  return {
    json: { oauth_client_id: client, rule },
    text: `Unmuted ${rule ?? "all rules"} for ${printable(client)}.`,
  };
}

/** `alerts mutes`: lists the muted clients. */
export async function alertsMutes(target: Target): Promise<Report> {
  const mutes = await listMutes(target, target.clock());
  const rows = mutes.map((mute) => [
    printable(mute.oauth_client_id),
    mute.rule ?? "every rule",
    mute.until,
  ]);
  const text = rows.length > 0 ? table(["CLIENT", "RULE", "UNTIL"], rows) : "No clients are muted.";
  return { json: { mutes }, text };
}

/** `alerts rules`: lists the detection rules. */
export function alertsRules(): Report {
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
