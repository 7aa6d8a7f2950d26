import type { Removed } from "../../shared/retention/cleanup-runs.ts";
import type { FunctionMetrics } from "../runtime/metrics.ts";

/** What is known of a purge when it is over, by whatever end. */
export interface PurgeEnd {
  readonly removed: Removed;
  /** Whether nothing expired was left. */
  readonly finished: boolean;
  readonly durationMs: number;
}

/** Measures a purge. */
export function measurePurge(
  metrics: FunctionMetrics<"purge">,
  { removed, finished, durationMs }: PurgeEnd,
): void {
  metrics.count("AccessTokensRemoved", removed.access_tokens);
  metrics.count("AuthorizationCodesRemoved", removed.authorization_codes);
  metrics.count("SessionsRemoved", removed.sessions);
  metrics.count("EventsRemoved", removed.events);
  metrics.count("PurgeFinished", finished ? 1 : 0);
  metrics.milliseconds("PurgeDuration", durationMs);
  metrics.publish();
}
