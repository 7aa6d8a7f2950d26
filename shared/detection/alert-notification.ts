import { sendableJson, sendableText } from "../core/message-text.ts";
import type { Alert } from "./alert.ts";

/** An alert as text for people and as JSON for machines. */
export interface AlertNotification {
  /** At most 100 printable ASCII characters, the limit of SNS. */
  readonly subject: string;
  /** In characters that SNS takes, as is `json`. */
  readonly text: string;
  readonly json: string;
}

function lines(evidence: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(evidence)
    .filter(([name]) => name !== "examples")
    .map(([name, value]) => `  ${name.replaceAll("_", " ")}: ${JSON.stringify(value)}`);
}

/** The message about an alert that opened or resolved. */
export function alertNotification(alert: Alert): AlertNotification {
  const { rule, subject, message, state } = alert;
  const examples = Array.isArray(alert.evidence.examples) ? alert.evidence.examples : [];
  const heading = `${state === "open" ? `OAuth alert (${alert.risk} risk)` : "Resolved"}: ${rule} ${subject.kind} ${subject.id}`;
  const text = [
    state === "open" ? message : `Resolved at ${alert.resolved_at}: ${message}`,
    "",
    `Risk: ${alert.risk} (${alert.score} of 100)`,
    `Rule: ${rule}`,
    `Subject: ${subject.kind} ${subject.id}`,
    ...(alert.oauth_client_id === undefined ? [] : [`Client: ${alert.oauth_client_id}`]),
    `Seen: ${alert.observed}, alert from ${alert.threshold}`,
    `Window: ${alert.window_start} to ${alert.window_end}`,
    ...(state === "open" ? [`What to do: ${alert.advice}`] : []),
    "",
    ...(alert.findings.length > 1
      ? [
          "What happened:",
          ...alert.findings.map((each) => `  ${each.first_seen_at} ${each.rule}: ${each.message}`),
          "",
        ]
      : []),
    "Evidence:",
    ...lines(alert.evidence),
    ...examples.map((example) => `  event: ${JSON.stringify(example)}`),
  ]
    // A line of ours has no break: one in the subject would begin a line that looks like ours.
    .map((line) => sendableText(line.replace(/[\r\n]/g, "?")))
    .join("\n");
  return {
    subject: heading.replace(/[^\x20-\x7e]/g, "?").slice(0, 100),
    text,
    json: sendableJson(alert),
  };
}
