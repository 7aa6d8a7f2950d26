import type { Alert } from "../shared/detection/alert.ts";

/** Returns an open alert about an IP address with failed calls. `parts` overrides its fields. */
export function sampleAlert(parts: Partial<Alert> = {}): Alert {
  return {
    alert_id: "failure_burst#ip#203.0.113.9",
    state: "open",
    rule: "failure_burst",
    subject: { kind: "ip", id: "203.0.113.9" },
    risk: "high",
    score: 75,
    findings: [],
    involved: ["ip 203.0.113.9"],
    message: "60 failed calls within 10 minutes from 203.0.113.9",
    advice: "Block the address.",
    opened_at: "2026-11-23T10:00:00.000Z",
    last_seen_at: "2026-11-23T10:00:00.000Z",
    detections: 1,
    observed: 60,
    threshold: 40,
    window_start: "2026-11-23T09:50:00.000Z",
    window_end: "2026-11-23T10:00:00.000Z",
    evidence: { failures_by_client: { app: 60 }, examples: [{ ip: "203.0.113.9" }, { ip: "x" }] },
    event_id: "e1",
    notified: false,
    ...parts,
  };
}
