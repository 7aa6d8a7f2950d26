import { HOUR_MS } from "../core/clock.ts";
import { addressGroup } from "../events/ip-network.ts";
import { NO_CLIENT } from "../events/oauth-event.ts";
import type { Alert, Finding } from "./alert.ts";
import type { AnomalySubject, FoundAnomaly } from "./rules/anomaly-rule.ts";
import { FURTHER_RULE, type Risk, toRisk } from "./rules/risk.ts";

/** Maximum quiet time within an incident. Findings after a longer pause start a new incident. */
export const INCIDENT_QUIET_MS = 6 * HOUR_MS;

/** An incident: one run's anomalies about the same people. */
export interface Incident {
  /** Highest score first. */
  readonly anomalies: readonly FoundAnomaly[];
  /** Names of the subjects involved. */
  readonly names: ReadonlySet<string>;
}

/** Addresses in one group share a name, because the rules count by group. */
const getName = ({ kind, id }: AnomalySubject) =>
  `${kind} ${kind === "ip" ? addressGroup(id) : id}`;

/**
 * Returns the names that link an anomaly to an incident. A client or a reason concerns many people, so it only links
 * anomalies that the same rule found. Callers without a client can be anyone, so they are linked by address instead.
 */
function getNames({ rule, subject, involved = [] }: FoundAnomaly): string[] {
  const isAnybody = subject.kind === "client" && subject.id === NO_CLIENT && involved.length > 0;
  if (isAnybody) return involved.map((each) => `${rule.name} of ${getName(each)}`);
  return [subject, ...involved].map((each) =>
    each.kind === "client" || each.kind === "reason"
      ? `${rule.name} of ${getName(each)}`
      : getName(each),
  );
}

/** Groups anomalies into incidents if they share an address, token or user. */
export function toIncidents(found: readonly FoundAnomaly[]): Incident[] {
  const groups: { anomalies: FoundAnomaly[]; names: Set<string> }[] = [];
  for (const anomaly of found) {
    const names = getNames(anomaly);
    const joined = { anomalies: [anomaly], names: new Set(names) };
    for (const group of groups.filter((each) => names.some((name) => each.names.has(name)))) {
      groups.splice(groups.indexOf(group), 1);
      joined.anomalies.unshift(...group.anomalies);
      for (const name of group.names) joined.names.add(name);
    }
    groups.push(joined);
  }
  return groups.map(({ anomalies, names }) => ({
    anomalies: anomalies.sort((a, b) => b.score - a.score),
    names,
  }));
}

/** Maximum number of names kept in an alert. */
const MAX_NAMES = 300;

/** Keeps the most recent names, because new findings are most likely to share one of these. */
const latest = (names: readonly string[]) => names.slice(-MAX_NAMES);

const MAX_FINDINGS = 50;

/** Alert fields that grow with new findings. */
export type Findings = Pick<Alert, "risk" | "score" | "findings" | "involved">;

/** Adds a run's findings to an alert's findings. */
export function addFindings(
  before: Pick<Alert, "findings" | "involved"> | undefined,
  { anomalies, names }: Incident,
  now: string,
): Findings {
  const findings = new Map(
    (before?.findings ?? []).map((each) => [`${each.rule} ${getName(each.subject)}`, each]),
  );
  for (const { rule, subject, message, score, observed } of anomalies) {
    const key = `${rule.name} ${getName(subject)}`;
    const known = findings.get(key);
    const isWorse = !known || score > known.score;
    const finding: Finding = {
      rule: rule.name,
      subject: { ...subject },
      message: isWorse ? message : known.message,
      score: Math.max(score, known?.score ?? 0),
      observed: Math.max(observed, known?.observed ?? 0),
      first_seen_at: known?.first_seen_at ?? now,
      last_seen_at: now,
    };
    if (known || findings.size < MAX_FINDINGS) findings.set(key, finding);
  }
  const all = [...findings.values()];
  const rules = new Set(all.map(({ rule }) => rule)).size;
  const highest = Math.max(...all.map(({ score }) => score));
  const score = Math.min(100, Math.round(highest + FURTHER_RULE * (rules - 1)));
  return {
    risk: toRisk(score),
    score,
    findings: all,
    involved: latest([...new Set([...(before?.involved ?? []), ...names])]),
  };
}

const RISKS: readonly Risk[] = ["low", "medium", "high"];

/** Whether a risk is at least as high as a given level. */
export function isAtLeast(risk: Risk, minimum: Risk): boolean {
  return RISKS.indexOf(risk) >= RISKS.indexOf(minimum);
}

/** Returns the oldest alert that shares a subject with an incident. */
function findAlert(incident: Incident, alerts: readonly Alert[]): Alert | undefined {
  return alerts.find(
    ({ involved, subject }) =>
      involved.some((name) => incident.names.has(name)) ||
      (involved.length === 0 && incident.names.has(getName(subject))),
  );
}

/**
 * Returns each incident with the alert that it continues, if any. Incidents that continue the same alert are merged.
 *
 * @param open alerts that are open
 * @param recent alerts that were resolved recently
 */
export function matchIncidents(
  incidents: readonly Incident[],
  open: readonly Alert[],
  recent: readonly Alert[],
): { readonly incident: Incident; readonly known: Alert | undefined }[] {
  const matched = new Map<string | Incident, { incident: Incident; known: Alert | undefined }>();
  for (const incident of incidents) {
    const known = findAlert(incident, open) ?? findAlert(incident, recent);
    const key = known?.alert_id ?? incident;
    const before = matched.get(key)?.incident;
    const anomalies = [...(before?.anomalies ?? []), ...incident.anomalies];
    const joined = {
      anomalies: anomalies.sort((a, b) => b.score - a.score),
      names: new Set([...(before?.names ?? []), ...incident.names]),
    };
    matched.set(key, { incident: joined, known });
  }
  return [...matched.values()];
}
