import * as z from "zod";

/** An alert: one anomaly of one subject, from its first sight until it was quiet for a while. */
export const alertSchema = z.object({
  alert_id: z.string(),
  state: z.enum(["open", "resolved"]),
  rule: z.string(),
  subject: z.object({ kind: z.enum(["client", "ip", "token"]), id: z.string() }),
  oauth_client_id: z.string().optional(),
  message: z.string(),
  advice: z.string(),
  /** UTC; `last_seen_at` moves with each run that still finds the anomaly. */
  opened_at: z.string(),
  last_seen_at: z.string(),
  resolved_at: z.string().optional(),
  /** Runs that found it. */
  detections: z.int(),
  /** The most that a run counted, and the number from which it is an anomaly. */
  observed: z.number(),
  threshold: z.number(),
  window_start: z.string(),
  window_end: z.string(),
  evidence: z.record(z.string(), z.unknown()),
  /** Id of its `suspicious_activity` event: telling of an alert again changes nothing. */
  event_id: z.string(),
  /** Whether all who are to know of its present state have been told. */
  told: z.boolean(),
});

export type Alert = z.output<typeof alertSchema>;
