import type { DetectionSnapshot } from "./detection-snapshot.ts";

/** The client, address or token that an anomaly is about. */
export interface AnomalySubject {
  readonly kind: "client" | "ip" | "token";
  readonly id: string;
}

/** What a rule found: enough for the person on call to judge and act. */
export interface Anomaly {
  readonly subject: AnomalySubject;
  /** The client concerned, when the subject is not a client. */
  readonly clientId?: string | undefined;
  /** One sentence: who did what, how often, and how often is usual. */
  readonly message: string;
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
  readonly find: (snapshot: DetectionSnapshot, parameters: Parameters) => readonly Anomaly[];
}
