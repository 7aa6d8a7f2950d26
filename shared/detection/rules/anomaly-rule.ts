import type { DetectionSnapshot } from "./detection-snapshot.ts";

/**
 * Who or what an anomaly is about. `reason` is a reason for refusals that many clients have at once; `network` is a block
 * of addresses such as `203.0.113.0/24`.
 */
export interface AnomalySubject {
  readonly kind: "client" | "ip" | "network" | "token" | "user" | "reason";
  readonly id: string;
}

/** What a rule found: enough for the person on call to judge and act. */
export interface Anomaly {
  readonly subject: AnomalySubject;
  /** The client concerned, when the subject is not a client. */
  readonly clientId?: string | undefined;
  /** Others who have a part in it: anomalies that share one are one story. */
  readonly involved?: readonly AnomalySubject[] | undefined;
  /** One sentence: who did what, how often, and what is usual. */
  readonly message: string;
  /** How likely an attack is, and how bad: 0 to 100. From 40 on the risk is medium, from 70 on high. */
  readonly score: number;
  /** The count, and the count at which it becomes an anomaly. */
  readonly observed: number;
  readonly threshold: number;
  /** The time range that the rule examined, UTC. */
  readonly windowStart: string;
  readonly windowEnd: string;
  /** Other facts that help to judge. */
  readonly evidence: Readonly<Record<string, unknown>>;
}

/**
 * One kind of anomaly. A rule is a pure function of a snapshot and its parameters, which come from the
 * configuration.
 */
export interface AnomalyRule<Parameters> {
  /** The rule's name under `anomalies.rules` in the configuration and in every alert. */
  readonly name: string;
  /** What it catches. */
  readonly catches: string;
  /** Harmless events that also raise it. */
  readonly falsePositives: string;
  /** What to do about it. */
  readonly advice: string;
  /** Which of the subject's latest events an alert shows: all of them, or only the failures. */
  readonly examples: "all" | "failures";
  /** Its findings are no alert by themselves. They add to what other rules find about the same people. */
  readonly isSupport?: true;
  /** It tells of trouble and not of an attack. It is raised with any score. */
  readonly isNotice?: true;
  readonly find: (snapshot: DetectionSnapshot, parameters: Parameters) => readonly Anomaly[];
}

/** An anomaly and the rule that found it. */
export interface FoundAnomaly extends Anomaly {
  readonly rule: AnomalyRule<never>;
}
