import * as z from "zod";

/** An alert: one anomaly of one subject, from its first detection until it has been quiet for a while. */
export const alertSchema = z.object({
  alert_id: z.string(),
  state: z.enum(["open", "resolved"]),
  rule: z.string(),
  subject: z.object({ kind: z.enum(["client", "ip", "token"]), id: z.string() }),
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
