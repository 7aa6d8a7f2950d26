import * as z from "zod";

const subjectSchema = z.object({
  kind: z.enum(["client", "ip", "network", "token", "user", "reason"]),
  id: z.string(),
});

/** What one rule found, as a part of an alert. */
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
 * An alert: one story, from its first detection until it has been quiet for a while. Everything that the rules find
 * about the same address, token or user is one story. Its rule, subject, message and evidence are those of the
 * finding with the highest score when it opened.
 */
export const alertSchema = z.object({
  alert_id: z.string(),
  state: z.enum(["open", "resolved"]),
  rule: z.string(),
  subject: subjectSchema,
  /** How much attention it deserves, by its score from 0 to 100. Alerts of before have none. */
  risk: z.enum(["low", "medium", "high"]).default("medium"),
  score: z.number().default(50),
  /** What the rules found, the first first. */
  findings: z.array(findingSchema).default([]),
  /** Who has a part in it: `ip 203.0.113.9`, `token …`, `user …`. */
  involved: z.array(z.string()).default([]),
  oauth_client_id: z.string().optional(),
  message: z.string(),
  advice: z.string(),
  /** UTC; each run that still finds the anomaly updates `last_seen_at`. */
  opened_at: z.string(),
  last_seen_at: z.string(),
  resolved_at: z.string().optional(),
  /** The number of runs that found the anomaly. */
  detections: z.int(),
  /** The highest count of any run, and the count at which it becomes an anomaly. */
  observed: z.number(),
  threshold: z.number(),
  window_start: z.string(),
  window_end: z.string(),
  evidence: z.record(z.string(), z.unknown()),
  /** The id of the alert's `suspicious_activity` event: publishing the event again changes nothing. */
  event_id: z.string(),
  /** Whether everybody has been told about the present state. */
  told: z.boolean(),
});

export type Alert = z.output<typeof alertSchema>;
