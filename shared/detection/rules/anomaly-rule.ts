import { toInstant } from "../../core/clock.ts";
import type { DetectionSnapshot } from "./detection-snapshot.ts";

/**
 * The subject of an anomaly. `reason` is a failure reason that many clients share at the same time; `network` is an
 * address block such as `203.0.113.0/24`.
 */
export interface AnomalySubject {
  readonly kind: "client" | "ip" | "network" | "token" | "user" | "reason";
  readonly id: string;
}

/** Returns subjects of one kind. Skips undefined ids. */
export function getSubjects<Kind extends AnomalySubject["kind"]>(
  kind: Kind,
  ids: Iterable<string | undefined>,
): { readonly kind: Kind; readonly id: string }[] {
  return [...ids].flatMap((id) => (id ? { kind, id } : []));
}

/** An anomaly found by a rule, with enough detail for the person on call to judge and act. */
export interface Anomaly {
  readonly subject: AnomalySubject;
  /** The client involved, if the subject isn't a client. */
  readonly clientId?: string | undefined;
  /** Other subjects that are involved. Anomalies that share a subject belong to the same incident. */
  readonly involved?: readonly AnomalySubject[] | undefined;
  /** One sentence that says who did what, how often, and what is usual. */
  readonly message: string;
  /** How likely and how severe an attack is, from 0 to 100. Risk is medium from 40 and high from 70. */
  readonly score: number;
  /** The count, and the threshold from which a count is an anomaly. */
  readonly observed: number;
  readonly threshold: number;
  /** The time range that the rule examined, UTC. */
  readonly windowStart: string;
  readonly windowEnd: string;
  /** Other facts that help people judge the anomaly. */
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** Formats the time range that a rule examined. */
export function formatWindow(fromMs: number, toMs: number) {
  return { windowStart: toInstant(fromMs), windowEnd: toInstant(toMs) };
}

/** A detection rule: a pure function of a snapshot and the rule's configured parameters. */
export interface AnomalyRule<Parameters> {
  /** The rule's name under `anomalies.rules` in the configuration, and in every alert. */
  readonly name: string;
  /** The attack or problem that the rule detects. */
  readonly catches: string;
  /** Harmless behaviour that also triggers the rule. */
  readonly falsePositives: string;
  /** Recommended response. */
  readonly advice: string;
  /** Which of the subject's most recent events an alert shows as examples: all or only failures. */
  readonly examples: "all" | "failures";
  /** The rule raises no alert on its own. Its findings only strengthen other rules' findings about the same people. */
  readonly isSupport?: true;
  /** The rule reports a problem that isn't an attack. It raises an alert regardless of the score. */
  readonly isNotice?: true;
  readonly find: (snapshot: DetectionSnapshot, parameters: Parameters) => readonly Anomaly[];
}

/** An anomaly, with the rule that found it. */
export interface FoundAnomaly extends Anomaly {
  readonly rule: AnomalyRule<never>;
}
