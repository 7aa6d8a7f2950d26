import type { StoreOutcome } from "../../shared/audit-log/store-events.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import type { FunctionMetrics } from "../runtime/metrics.ts";

/** The outcome of a batch of messages. */
export interface BatchOutcome extends Pick<StoreOutcome, "stored"> {
  /** Messages with a duplicate event: it was stored earlier (even if removed since), or is repeated in the batch. */
  readonly duplicates: number;
  /** Messages that can never be stored. */
  readonly rejected: number;
  /** Messages that SQS delivers again. */
  readonly retried: number;
}

const occurrences = (events: readonly OAuthEvent[], eventType: string) =>
  events.filter((event) => event.event_type === eventType).length;

/**
 * Records a batch's metrics: the outcome, the delay of each stored event, and the number of security events from all
 * producers.
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
    // A producer's clock may be ahead.
    metrics.milliseconds("EventLag", Math.max(0, storedAtMs - Date.parse(occurred_at)));
  }
  metrics.publish();
}
