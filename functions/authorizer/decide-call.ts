import { type AdapterContext, type DecidedCall, decide } from "../../adapters/http/decide.ts";
import type { AfterResponse } from "../../adapters/lambda/internal-extension.ts";
import { type Decision, EVENT_TYPES } from "../../shared/authorization/decision.ts";
import type { Logger, MetricName } from "../../shared/core/telemetry.ts";
import { PublishError } from "../../shared/events/event-sink.ts";
import type { FunctionMetrics } from "../runtime/metrics.ts";
import { type AuthorizerResult, readAuthorizerCall } from "./authorizer-call.ts";

/** Dependencies of the authorizer. `sink` receives the events after the response. */
export interface Authorizer extends AdapterContext {
  readonly afterResponse: Pick<AfterResponse, "run">;
  readonly metrics: FunctionMetrics<"authorizer">;
  /** Whether to log an allowed call at info level. Called once for each allowed call. */
  readonly isSampled: () => boolean;
}

/** Logs a failure that happened after the response was sent, and counts the lost events. */
export function reportFailure(
  { logger, metrics }: { readonly logger: Logger; readonly metrics: FunctionMetrics<"authorizer"> },
  error: unknown,
): void {
  logger.error("Processing after the response failed", { cause: String(error) });
  if (!(error instanceof PublishError)) return;
  metrics.count("EventsLost", error.events.length);
  metrics.publish();
}

/**
 * Decides whether to allow a call to a REST API, an HTTP API or AppSync. Events, the log line and metrics are written
 * after the response. Only a sample of allowed calls is logged at info level, because the events contain the details.
 *
 * @throws UnauthorizedError for 401, UnavailableError for 503
 */
export async function decideCall(
  authorizer: Authorizer,
  event: unknown,
): Promise<AuthorizerResult> {
  const { afterResponse, clock, isSampled, logger, metrics } = authorizer;
  const startedMs = clock();
  let decided: DecidedCall | undefined;
  try {
    const { request, respond } = readAuthorizerCall(event, authorizer.config.clientAddress);
    decided = await decide(authorizer, request);
    return respond(decided.decision, authorizer.config.realm);
  } finally {
    const durationMs = clock() - startedMs;
    const decision = decided?.decision;
    await afterResponse.run(async () => {
      const fail = (error: unknown) => reportFailure(authorizer, error);
      const events = (await decided?.track(fail)) ?? [];
      const isAllowed = decision?.outcome === "allowed";
      logger[isAllowed && !isSampled() ? "debug" : "info"]("Call decided", {
        outcome: decision?.outcome ?? "failed",
        ...(decision && "reason" in decision ? { reason: decision.reason } : {}),
        event_ids: events.map(({ id }) => id),
      });
      metrics.count(decisionMetric(decision), 1);
      metrics.milliseconds("DecisionDuration", durationMs);
      await decided?.publish().catch(fail);
      if (isAllowed) metrics.publishSoon();
      else metrics.publish();
    });
  }
}

const METRICS = {
  token_used: "Allowed",
  auth_failed: "AuthFailed",
  scope_violation: "ScopeViolation",
  auth_unavailable: "Unavailable",
} as const;

/**
 * Returns the metric that counts a decision, by the type of the decision's event.
 *
 * @param decision undefined if the function failed, which also returns 503
 */
export function decisionMetric(decision: Decision | undefined): MetricName<"authorizer"> {
  return METRICS[EVENT_TYPES[decision?.outcome ?? "unavailable"]];
}
