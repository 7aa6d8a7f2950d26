import type { Decision } from "../../shared/authorization/authorize.ts";
import type { MetricName } from "../../shared/telemetry/metric-names.ts";

/**
 * The metric that counts a decision, named after the event that the decision publishes.
 *
 * @param decision undefined when there is none because the function failed, which answers 503 as well
 */
export function decisionMetric(decision: Decision | undefined): MetricName<"authorizer"> {
  switch (decision?.outcome) {
    case "allowed":
      return "Allowed";
    case "unauthenticated":
    case "invalid_session":
      return "AuthFailed";
    case "insufficient_scope":
      return "ScopeViolation";
    default:
      return "Unavailable";
  }
}
