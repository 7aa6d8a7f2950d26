import { HOUR_MS, toInstant } from "../../shared/core/clock.ts";
import { printable } from "../../shared/core/terminal.ts";
import type { Alert } from "../../shared/detection/alert.ts";

/** Dashboard filter by kind of alert subject. */
const FILTERS: Readonly<Partial<Record<Alert["subject"]["kind"], string>>> = {
  client: "client_id",
  user: "user_id",
  token: "token_id",
  ip: "ip",
};

/** Returns the dashboard's URL, filtered to show an alert. */
export function caseLink(url: string, { subject, opened_at, last_seen_at }: Alert): string {
  const parameters = new URLSearchParams({
    from: toInstant(Date.parse(opened_at) - 2 * HOUR_MS),
    to: toInstant(Date.parse(last_seen_at) + HOUR_MS),
  });
  const filter = FILTERS[subject.kind];
  if (filter && subject.id !== "(none)") parameters.set(filter, subject.id);
  return `${url}/admin/oauth/dashboard?${parameters}`;
}

/** Formats an alert as one line. */
export function alertLine({ opened_at, risk, score, rule, message }: Alert): string {
  const time = opened_at.slice(11, 16);
  return `${time}  ${risk.padEnd(6)} ${String(score).padStart(3)}  ${rule}: ${printable(message)}`;
}

/** Formats an alert with the score, the findings, the recommended action and the dashboard URL. */
export function caseText(url: string, alert: Alert): string {
  const { rule, risk, score, message, findings, advice } = alert;
  return [
    `Case: ${rule}, ${risk} risk (${score} of 100)`,
    `  ${printable(message)}`,
    "Findings:",
    ...findings.map(
      (each) => `  ${each.first_seen_at.slice(11, 16)} ${each.rule}: ${printable(each.message)}`,
    ),
    `What to do: ${advice}`,
    `Dashboard: ${caseLink(url, alert)}`,
  ].join("\n");
}
