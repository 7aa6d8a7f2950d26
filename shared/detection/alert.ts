import * as z from "zod";

const subjectSchema = z.object({
  kind: z.enum(["client", "ip", "network", "token", "user", "reason"]),
  id: z.string(),
});

/** One rule's finding, as part of an alert. */
const findingSchema = z.object({
  rule: z.string(),
  subject: subjectSchema,
  message: z.string(),
  score: z.number(),
  observed: z.number(),
  /** UTC. */
  first_seen_at: z.string(),
  last_seen_at: z.string(),
});

export type Finding = z.output<typeof findingSchema>;

/**
 * An alert covers one incident, from when it is first detected until it has been quiet for a while. Findings about the
 * same address, token or user belong to the same incident. The rule, subject, message and evidence come from the
 * finding that had the highest score when the alert opened.
 */
export const alertSchema = z.object({
  alert_id: z.string(),
  state: z.enum(["open", "resolved"]),
  rule: z.string(),
  subject: subjectSchema,
  /** Risk level, derived from the score (0 to 100). */
  risk: z.enum(["low", "medium", "high"]),
  score: z.number(),
  /** Findings by all rules, oldest first. */
  findings: z.array(findingSchema).default([]),
  /** Subjects involved, such as `ip 203.0.113.9`, `token …` or `user …`. */
  involved: z.array(z.string()).default([]),
  oauth_client_id: z.string().optional(),
  message: z.string(),
  advice: z.string(),
  /** UTC. Each run that still finds the anomaly updates `last_seen_at`. */
  opened_at: z.string(),
  last_seen_at: z.string(),
  resolved_at: z.string().optional(),
  /** Number of detection runs that found the anomaly. */
  detections: z.int(),
  /** Highest count in any run, and the threshold from which a count is an anomaly. */
  observed: z.number(),
  threshold: z.number(),
  window_start: z.string(),
  window_end: z.string(),
  evidence: z.record(z.string(), z.unknown()),
  /**
   * Id of the alert's `suspicious_activity` event. Because the id stays the same, publishing the event again creates no
   * duplicate.
   */
  event_id: z.string(),
  /** Whether people have been notified about the current state. */
  notified: z.boolean(),
});

export type Alert = z.output<typeof alertSchema>;
