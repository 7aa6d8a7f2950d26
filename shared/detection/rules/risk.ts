import type { Anomaly, AnomalySubject, FoundAnomaly } from "./anomaly-rule.ts";

/** Risk level of an alert. */
export type Risk = "low" | "medium" | "high";

/** Minimum score at which an anomaly raises an alert. */
export const RAISED_FROM = 40;
/** Minimum score for high risk. */
const HIGH_FROM = 70;

/** Points that each additional rule adds to the score if the findings are about the same people. */
export const FURTHER_RULE = 8;

/** Returns the risk for a score: low below 40, high from 70. */
export function toRisk(score: number): Risk {
  if (score >= HIGH_FROM) return "high";
  return score >= RAISED_FROM ? "medium" : "low";
}

/** Words in scopes that allow changes, deletion, payments, administration or long-lived access. */
const SENSITIVE =
  /(^|[:._\-/])(admin|write|delete|manage|all|full|payments?|transfer|offline_access)($|[:._\-/])/i;

/** Whether a scope allows more than read access. */
export function isSensitive(scope: string): boolean {
  return SENSITIVE.test(scope);
}

const getName = ({ kind, id }: AnomalySubject) => `${kind} ${id}`;

/**
 * Returns the users and tokens that an anomaly is about. Addresses and clients are left out, because unrelated people
 * may share them.
 */
function listPeople({ subject, involved = [] }: Anomaly): string[] {
  return [subject, ...involved]
    .filter(({ kind }) => kind === "user" || kind === "token")
    .map(getName);
}

function isAbout(anomaly: Anomaly, people: ReadonlySet<string>): boolean {
  return listPeople(anomaly).some((name) => people.has(name));
}

/**
 * Returns the anomalies that raise an alert: anomalies with a high enough score, alone or with support, and the
 * anomalies that support them. Applying this again to the result, or to a part of it, is safe.
 */
export function mergeRaised(found: readonly FoundAnomaly[]): FoundAnomaly[] {
  const support = found.filter(({ rule }) => rule.isSupport);
  const raised = found.filter((anomaly) => {
    const { rule, score } = anomaly;
    if (rule.isSupport) return false;
    if (rule.isNotice) return true;
    const people = new Set(listPeople(anomaly));
    const supporting = new Set(
      support.filter((each) => isAbout(each, people)).map((each) => each.rule.name),
    );
    return score + FURTHER_RULE * supporting.size >= RAISED_FROM;
  });
  const people = new Set(raised.flatMap(listPeople));
  return [...raised, ...support.filter((each) => isAbout(each, people))];
}
