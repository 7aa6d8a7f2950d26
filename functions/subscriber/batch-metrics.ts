import type { StoreOutcome } from "../../shared/audit-log/store-events.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import type { FunctionMetrics } from "../runtime/metrics.ts";

/** What became of a batch of messages. */
export interface BatchOutcome extends Pick<StoreOutcome, "stored"> {
  /** Messages with an event that was stored before, even if removed since, or that came twice in the batch. */
  readonly duplicates: number;
  /** Messages that can never be stored. */
  readonly rejected: number;
  /** Messages that SQS delivers again. */
  readonly retried: number;
}

const occurrences = (events: readonly OAuthEvent[], eventType: string) =>
  events.filter((event) => event.event_type === eventType).length;

/**
 * Measures a batch: what became of it, how long after it happened each event was stored, and the
 * security events in it, whoever published them.
 */
export function measureBatch(
  metrics: FunctionMetrics<"subscriber">,
  { stored, duplicates, rejected, retried }: BatchOutcome,
  storedAtMs: number,
): void {
  metrics.count("EventsStored", stored.length);
  metrics.count("EventsDuplicate", duplicates);
  metrics.count("EventsRejected", rejected);
  metrics.count("EventsRetried", retried);
  metrics.count("AuthFailed", occurrences(stored, "auth_failed"));
  metrics.count("ScopeViolation", occurrences(stored, "scope_violation"));
  metrics.count("SuspiciousActivity", occurrences(stored, "suspicious_activity"));
  for (const { occurred_at } of stored) {
    // A producer's clock may be ahead of ours.
    metrics.milliseconds("EventLag", Math.max(0, storedAtMs - Date.parse(occurred_at)));
  }
  metrics.publish();
}
