import type { SetOutcome } from "../../shared/integrations/shared-signals/receive-set.ts";
import type { SetError } from "../../shared/integrations/shared-signals/security-event-token.ts";
import type { FunctionMetrics } from "./metrics.ts";

/** The metric of each `err` of RFC 8935, section 2.4. */
const REFUSED = {
  invalid_request: "InvalidRequest",
  invalid_key: "InvalidKey",
  invalid_issuer: "InvalidIssuer",
  invalid_audience: "InvalidAudience",
  authentication_failed: "AuthenticationFailed",
  access_denied: "AccessDenied",
} as const satisfies Record<SetError, string>;

/** Counts what became of a SET: taken, left to come again, or refused and by which `err`. */
export function countSet(
  metrics: Pick<FunctionMetrics<"signal-receiver">, "count">,
  outcome: SetOutcome,
): void {
  if (outcome === "taken") metrics.count("SetsTaken", 1);
  else if (outcome === "left") metrics.count("SetsLeft", 1);
  else {
    metrics.count("SetsRefused", 1);
    metrics.count(REFUSED[outcome], 1);
  }
}
