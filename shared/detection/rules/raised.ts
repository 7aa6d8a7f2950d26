import type { Anomaly, AnomalySubject, FoundAnomaly } from "./anomaly-rule.ts";
import { FURTHER_RULE, RAISED_FROM } from "./risk.ts";

const nameOf = ({ kind, id }: AnomalySubject) => `${kind} ${id}`;

/**
 * Returns the users and tokens that an anomaly is about. Addresses and clients are left out, because unrelated people
 * may share them.
 */
function peopleOf({ subject, involved = [] }: Anomaly): string[] {
  return [subject, ...involved]
    .filter(({ kind }) => kind === "user" || kind === "token")
    .map(nameOf);
}

function isAbout(anomaly: Anomaly, people: ReadonlySet<string>): boolean {
  return peopleOf(anomaly).some((name) => people.has(name));
}

/**
 * Returns the anomalies that raise an alert: anomalies with a high enough score, alone or with support, and the
 * anomalies that support them. Applying this again to the result, or to a part of it, is safe.
 */
export function raisedOf(found: readonly FoundAnomaly[]): FoundAnomaly[] {
  const support = found.filter(({ rule }) => rule.isSupport);
  const raised = found.filter((anomaly) => {
    const { rule, score } = anomaly;
    if (rule.isSupport) return false;
    if (rule.isNotice) return true;
    const people = new Set(peopleOf(anomaly));
    const supporting = new Set(
      support.filter((each) => isAbout(each, people)).map((each) => each.rule.name),
    );
    return score + FURTHER_RULE * supporting.size >= RAISED_FROM;
  });
  const people = new Set(raised.flatMap(peopleOf));
  return [...raised, ...support.filter((each) => isAbout(each, people))];
}
