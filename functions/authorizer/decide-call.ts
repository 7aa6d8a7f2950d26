import type { APIGatewayAuthorizerResult, APIGatewayRequestAuthorizerEvent } from "aws-lambda";
import {
  type AuthorizerContext,
  authorize,
  type Decision,
} from "../../shared/authorization/authorize.ts";
import type { Logger } from "../../shared/telemetry/logger.ts";
import type { MetricName } from "../../shared/telemetry/metric-names.ts";
import { PublishError } from "../../shared/tracking/event-publisher.ts";
import { createBufferedSink } from "../../shared/tracking/event-sink.ts";
import type { FunctionMetrics } from "../runtime/metrics.ts";
import { toAuthorizerResult } from "./authorizer-response.ts";
import type { AfterResponse } from "./internal-extension.ts";
import { toProtectedRequest } from "./protected-request.ts";

/** What the authorizer works with; its `sink` is where events go after the answer. */
export interface Authorizer extends Omit<AuthorizerContext, "defer"> {
  readonly afterResponse: AfterResponse;
  readonly metrics: FunctionMetrics<"authorizer">;
}

/** Tells of work that failed when the caller had its answer, and counts the events lost by it. */
export function reportFailure(
  { logger, metrics }: { readonly logger: Logger; readonly metrics: FunctionMetrics<"authorizer"> },
  error: unknown,
): void {
  logger.error("Work after the response failed", { cause: String(error) });
  if (error instanceof PublishError) metrics.count("EventsLost", error.events.length);
}

/**
 * Decides about one call. Its events, its log line and its metrics go out after the answer. Of a call
 * that is let in its event says all, so it has a log line in a sample of invocations only.
 *
 * @throws UnauthorizedError for 401, UnavailableError for 503
 */
export async function decideCall(
  authorizer: Authorizer,
  event: APIGatewayRequestAuthorizerEvent,
): Promise<APIGatewayAuthorizerResult> {
  const { afterResponse, clock, logger, metrics } = authorizer;
  const startedMs = clock();
  let decision: Decision | undefined;
  const sink = createBufferedSink(authorizer.sink);
  const deferred: (() => Promise<unknown>)[] = [];
  try {
    decision = await authorize(
      { ...authorizer, sink, defer: (task) => deferred.push(task) },
      toProtectedRequest(event),
    );
    return toAuthorizerResult(decision, event.methodArn, authorizer.config.realm);
  } finally {
    const durationMs = clock() - startedMs;
    await afterResponse.run(async () => {
      const outcomes = await Promise.allSettled(deferred.map((task) => task()));
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") reportFailure(authorizer, outcome.reason);
      }
      const isAllowed = decision?.outcome === "allowed";
      logger[isAllowed ? "debug" : "info"]("The call is decided", {
        outcome: decision?.outcome ?? "failed",
        ...(decision && "reason" in decision ? { reason: decision.reason } : {}),
        event_ids: sink.gathered.map(({ id }) => id),
      });
      metrics.count(decisionMetric(decision), 1);
      metrics.milliseconds("DecisionDuration", durationMs);
      await sink.flush().catch((error: unknown) => reportFailure(authorizer, error));
      if (isAllowed) metrics.publishSoon();
      else metrics.publish();
    });
  }
}

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
    case "insufficient_authentication":
      return "AuthFailed";
    case "insufficient_scope":
      return "ScopeViolation";
    default:
      return "Unavailable";
  }
}
