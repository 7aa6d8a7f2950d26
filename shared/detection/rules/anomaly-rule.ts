import type { DetectionSnapshot } from "./detection-snapshot.ts";

/**
 * The subject of an anomaly. `reason` is a failure reason that many clients have at once; `network` is an address block
 * such as `203.0.113.0/24`.
 */
export interface AnomalySubject {
  readonly kind: "client" | "ip" | "network" | "token" | "user" | "reason";
  readonly id: string;
}

/** An anomaly found by a rule, with enough detail for the person on call to judge and act. */
export interface Anomaly {
  readonly subject: AnomalySubject;
  /** The client concerned, if the subject isn't a client. */
  readonly clientId?: string | undefined;
  /** Other subjects involved. Anomalies that share one belong to the same incident. */
  readonly involved?: readonly AnomalySubject[] | undefined;
  /** One sentence: who did what, how often, and what is usual. */
  readonly message: string;
  /** Likelihood and severity of an attack, from 0 to 100. Risk is medium from 40 and high from 70. */
  readonly score: number;
  /** The count, and the count from which it is an anomaly. */
  readonly observed: number;
  readonly threshold: number;
  /** The time range that the rule examined, UTC. */
  readonly windowStart: string;
  readonly windowEnd: string;
  /** Other facts that help to judge the anomaly. */
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** A detection rule: a pure function of a snapshot and its configured parameters. */
export interface AnomalyRule<Parameters> {
  /** Name of the rule under `anomalies.rules` in the configuration, and in every alert. */
  readonly name: string;
  /** The attack or problem that the rule detects. */
  readonly catches: string;
  /** Harmless behaviour that also raises it. */
  readonly falsePositives: string;
  /** Recommended response. */
  readonly advice: string;
  /** Example events that an alert shows: all of the subject's latest events, or only failures. */
  readonly examples: "all" | "failures";
  /** The rule raises no alert on its own. Its findings add to other rules' findings about the same people. */
  readonly isSupport?: true;
  /** The rule reports a problem, not an attack. It is raised with any score. */
  readonly isNotice?: true;
  readonly find: (snapshot: DetectionSnapshot, parameters: Parameters) => readonly Anomaly[];
}

/** An anomaly and the rule that found it. */
export interface FoundAnomaly extends Anomaly {
  readonly rule: AnomalyRule<never>;
}
