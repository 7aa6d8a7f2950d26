import type { CustomRule } from "../../config/custom-rule-parameters.ts";
import { MINUTE_MS } from "../../core/clock.ts";
import { NO_CLIENT } from "../../events/oauth-event.ts";
import {
  type Anomaly,
  type AnomalyRule,
  type AnomalySubject,
  formatWindow,
} from "./anomaly-rule.ts";
import type { SubjectCount } from "./detection-snapshot.ts";

/** The counts that custom rules use, per minute. */
export interface RuleCounts {
  /** Counts of events. The values are event types. */
  readonly typeCounts: readonly SubjectCount[];
  /** Credential guesses for each client. The values are empty. */
  readonly clientCredentialGuesses: readonly SubjectCount[];
  /** Failures. The values are addresses. */
  readonly failedIps: readonly SubjectCount[];
  readonly credentialGuessesByIp: readonly SubjectCount[];
  /** Failures. The values are reasons. */
  readonly failedReasons: readonly SubjectCount[];
}

/** One subject's counts under a rule. */
export interface Tally {
  readonly subject: AnomalySubject;
  /** The client, if all counts belong to one. */
  readonly clientId: string | undefined;
  /** Counts by when the minute starts, in epoch milliseconds. */
  readonly minutes: ReadonlyMap<number, number>;
}

const KINDS = { client: "client", address: "ip", reason: "reason" } as const;

function countsFor({ groupBy, types, filter }: CustomRule, counts: RuleCounts) {
  if (groupBy === "address")
    return filter.credentialGuesses ? counts.credentialGuessesByIp : counts.failedIps;
  if (groupBy === "reason") return counts.failedReasons;
  if (filter.credentialGuesses) return counts.clientCredentialGuesses;
  return counts.typeCounts.filter(({ value }) => types.includes(value));
}

/** Returns the counts for a rule, by subject. */
export function tally(rule: CustomRule, counts: RuleCounts): Tally[] {
  const { groupBy, filter } = rule;
  const found = new Map<string, { clients: Set<string>; minutes: Map<number, number> }>();
  for (const { clientId, value, minutes } of countsFor(rule, counts)) {
    if (filter.clients && !filter.clients.includes(clientId)) continue;
    if (filter.reasons && !filter.reasons.includes(value)) continue;
    const id = groupBy === "client" ? clientId : value;
    const tallied = found.get(id) ?? { clients: new Set(), minutes: new Map() };
    found.set(id, tallied);
    tallied.clients.add(clientId);
    for (const [startMs, count] of minutes) {
      tallied.minutes.set(startMs, (tallied.minutes.get(startMs) ?? 0) + count);
    }
  }
  return [...found].map(([id, { clients, minutes }]) => {
    const [client] = clients;
    return {
      subject: { kind: KINDS[groupBy], id },
      clientId: clients.size === 1 && client !== NO_CLIENT ? client : undefined,
      minutes,
    };
  });
}

/** Describes the events that a rule counts. */
function describeCounts({ types, filter }: CustomRule): string {
  if (filter.credentialGuesses) return "credential guesses";
  if (filter.reasons) return `failures with the reason ${filter.reasons.join(" or ")}`;
  return `${types.join(" or ")} events`;
}

/** Returns the anomalies that a custom rule finds as of `nowMs`. */
export function findByCustomRule(rule: CustomRule, counts: RuleCounts, nowMs: number): Anomaly[] {
  const fromMs = nowMs - rule.windowMinutes * MINUTE_MS;
  return tally(rule, counts).flatMap(({ subject, clientId, minutes }) => {
    let observed = 0;
    for (const [startMs, count] of minutes) {
      if (startMs >= fromMs && startMs < nowMs) observed += count;
    }
    if (observed < rule.threshold) return [];
    return {
      subject,
      ...(subject.kind !== "client" && { clientId }),
      message: `${subject.kind} ${subject.id} had ${observed} ${describeCounts(rule)} within ${rule.windowMinutes} minutes; the threshold of ${rule.name} is ${rule.threshold}`,
      score: rule.score,
      observed,
      threshold: rule.threshold,
      ...formatWindow(fromMs, nowMs),
      evidence: { declared_by: "the configuration" },
    };
  });
}

/** Describes a custom rule in the form that alerts expect. */
export function describeCustomRule(rule: CustomRule): AnomalyRule<never> {
  return {
    name: rule.name,
    catches: `at least ${rule.threshold} ${describeCounts(rule)} of one ${rule.groupBy} within ${rule.windowMinutes} minutes`,
    falsePositives: "any activity that reaches the threshold",
    advice: rule.advice,
    examples: rule.types.every((type) => type === "auth_failed" || type === "scope_violation")
      ? "failures"
      : "all",
    find: () => [],
  };
}
