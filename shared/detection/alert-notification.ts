import { sendableJson, sendableText } from "../core/aws-calls.ts";
import type { Alert } from "./alert.ts";

/** An alert, as text for people and as JSON for programs. */
export interface AlertNotification {
  /** At most 100 printable ASCII characters, as SNS requires. */
  readonly subject: string;
  /** Contains only characters that SNS accepts. The same applies to `json`. */
  readonly text: string;
  readonly json: string;
}

function lines(evidence: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(evidence)
    .filter(([name]) => name !== "examples")
    .map(([name, value]) => `  ${name.replaceAll("_", " ")}: ${JSON.stringify(value)}`);
}

/** Returns the notification for an alert that opened or resolved. */
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
    `Observed: ${alert.observed} (threshold ${alert.threshold})`,
    `Window: ${alert.window_start} to ${alert.window_end}`,
    ...(state === "open" ? [`What to do: ${alert.advice}`] : []),
    "",
    ...(alert.findings.length > 1
      ? [
          "Findings:",
          ...alert.findings.map((each) => `  ${each.first_seen_at} ${each.rule}: ${each.message}`),
          "",
        ]
      : []),
    "Evidence:",
    ...lines(alert.evidence),
    ...examples.map((example) => `  event: ${JSON.stringify(example)}`),
  ]
    // Replaces line breaks in values. Otherwise, a subject could contain a forged line of the message.
    .map((line) => sendableText(line.replace(/[\r\n]/g, "?")))
    .join("\n");
  return {
    subject: heading.replace(/[^\x20-\x7e]/g, "?").slice(0, 100),
    text,
    json: sendableJson(alert),
  };
}
