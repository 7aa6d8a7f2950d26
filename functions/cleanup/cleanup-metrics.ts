import type { Removed } from "../../shared/cleanup/cleanup-runs.ts";
import type { FunctionMetrics } from "../runtime/metrics.ts";

/** The outcome of a successful or failed cleanup. */
interface CleanupEnd {
  readonly removed: Removed;
  /** Whether all expired items were removed. */
  readonly finished: boolean;
  readonly durationMs: number;
}

/** Records the metrics of a cleanup. */
export function measureCleanup(
  metrics: FunctionMetrics<"cleanup">,
  { removed, finished, durationMs }: CleanupEnd,
): void {
  metrics.count("AccessTokensRemoved", removed.access_tokens);
  metrics.count("AuthorizationCodesRemoved", removed.authorization_codes);
  metrics.count("SessionsRemoved", removed.sessions);
  metrics.count("EventsRemoved", removed.events);
  metrics.count("CleanupFinished", finished ? 1 : 0);
  metrics.milliseconds("CleanupDuration", durationMs);
  metrics.publish();
}
