import type { SetOutcome } from "../../shared/integrations/shared-signals/receive-set.ts";
import type { SetError } from "../../shared/integrations/shared-signals/security-event-token.ts";
import type { FunctionMetrics } from "./metrics.ts";

/** Metric names by `err` code (RFC 8935, section 2.4). */
const REJECTED = {
  invalid_request: "InvalidRequest",
  invalid_key: "InvalidKey",
  invalid_issuer: "InvalidIssuer",
  invalid_audience: "InvalidAudience",
  authentication_failed: "AuthenticationFailed",
  access_denied: "AccessDenied",
} as const satisfies Record<SetError, string>;

/** Counts the outcome of a SET: accepted, deferred until it is delivered again, or rejected with an `err` code. */
export function countSet(
  metrics: Pick<FunctionMetrics<"signal-receiver">, "count">,
  outcome: SetOutcome,
): void {
  if (outcome === "accepted") metrics.count("SetsAccepted", 1);
  else if (outcome === "deferred") metrics.count("SetsDeferred", 1);
  else {
    metrics.count("SetsRejected", 1);
    metrics.count(REJECTED[outcome], 1);
  }
}
