import type { DetectionSnapshot } from "./detection-snapshot.ts";

/** Whom an anomaly is about. */
export interface AnomalySubject {
  readonly kind: "client" | "ip" | "token";
  readonly id: string;
}

/** What a rule found: enough for whoever is on call to judge and act. */
export interface Anomaly {
  readonly subject: AnomalySubject;
  /** The client concerned, when the subject is not itself one. */
  readonly clientId?: string | undefined;
  /** One sentence: who did what, how much, and how much is usual. */
  readonly message: string;
  /** What was counted, and the number from which it is an anomaly. */
  readonly observed: number;
  readonly threshold: number;
  /** The stretch of time that was looked at, UTC. */
  readonly windowStart: string;
  readonly windowEnd: string;
  /** Whatever else helps to judge. */
  readonly evidence: Readonly<Record<string, unknown>>;
}

/**
 * One kind of anomaly. A rule is a pure function of a snapshot; its parameters are its part of the
 * configuration.
 */
export interface AnomalyRule<Parameters> {
  /** Under `anomalies.rules` in the configuration, and in every alert. */
  readonly name: string;
  /** What it catches. */
  readonly catches: string;
  /** What it also raises without there being an attack. */
  readonly falsePositives: string;
  /** What to do about it. */
  readonly advice: string;
  /** Which of the subject's latest events an alert shows: all of them, or only the failures. */
  readonly examples: "all" | "failures";
  readonly find: (snapshot: DetectionSnapshot, parameters: Parameters) => readonly Anomaly[];
}
