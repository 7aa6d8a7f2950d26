import * as z from "zod";
import { ANOMALY_RULES } from "../../shared/anomaly-rules/find-anomalies.ts";
import { listAlerts } from "../../shared/detection/alert-store.ts";
import { listMutes, muteClient, unmuteClient } from "../../shared/detection/mutes.ts";
import { identifierSchema } from "../../shared/envelope/identifiers.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { printable, type Report, table } from "../../shared/terminal/output.ts";
import { HOUR_MS, toInstant } from "../../shared/time/clock.ts";

/** The product's rules, and those of the configuration. */
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

/** `alerts list`: open alerts, or resolved ones with `--resolved`; the highest score first. */
export async function alertsList(
  target: Target,
  options: { readonly resolved?: boolean },
): Promise<Report> {
  const found = await listAlerts(target, options.resolved ? "resolved" : "open");
  const alerts = found.sort((a, b) => b.score - a.score);
  const rows = alerts.map((alert) => [
    alert.risk,
    alert.opened_at,
    alert.rule,
    printable(`${alert.subject.kind} ${alert.subject.id}`),
    String(Math.max(1, alert.findings.length)),
    printable(alert.message),
  ]);
  const text =
    rows.length > 0
      ? table(["RISK", "OPENED", "RULE", "SUBJECT", "FINDINGS", "MESSAGE"], rows)
      : `No ${options.resolved ? "resolved" : "open"} alerts.`;
  return { json: { alerts }, text };
}

/** `alerts mute`: raises no alerts about a client for a while. */
export async function alertsMute(target: Target, options: unknown): Promise<Report> {
  const { client, rule, hours } = muteSchema(target).parse(options);
  const mute = {
    oauth_client_id: client,
    rule,
    until: toInstant(target.clock() + hours * HOUR_MS),
  };
  await muteClient(target, mute);
  return {
    json: mute,
    text: `${printable(client)} raises no ${rule ?? "alerts"} until ${mute.until}.`,
  };
}

/** `alerts unmute`: ends a mute early. */
export async function alertsUnmute(target: Target, options: unknown): Promise<Report> {
  const { client, rule } = muteSchema(target).parse(options);
  await unmuteClient(target, { oauth_client_id: client, rule });
  return {
    json: { oauth_client_id: client, rule },
    text: `${printable(client)} raises ${rule ?? "alerts"} again.`,
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
  const text = rows.length > 0 ? table(["CLIENT", "RULE", "UNTIL"], rows) : "Nobody is muted.";
  return { json: { mutes }, text };
}

/** `alerts rules`: lists the rules of the detection. */
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
