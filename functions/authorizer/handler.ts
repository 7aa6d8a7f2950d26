import middy from "@middy/core";
import type { APIGatewayAuthorizerResult, APIGatewayRequestAuthorizerEvent } from "aws-lambda";
import { authorize, type Decision } from "../../shared/authorization/authorize.ts";
import { systemClock } from "../../shared/clock/clock.ts";
import { readEnvironment } from "../../shared/config/environment.ts";
import { createDocumentClient } from "../../shared/dynamodb/client.ts";
import { PublishError } from "../../shared/events/event-publisher.ts";
import { createBufferedSink } from "../../shared/events/event-sink.ts";
import { busSink, unpublishedQueue } from "../runtime/event-sink.ts";
import { logLambdaContext, logRequestId } from "../runtime/log-context.ts";
import { logger } from "../runtime/logger.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { toAuthorizerResult } from "./authorizer-response.ts";
import { decisionMetric } from "./decision-metric.ts";
import { registerInternalExtension } from "./internal-extension.ts";
import { toProtectedRequest } from "./protected-request.ts";

const environment = readEnvironment(process.env, [
  "TOKENS_TABLE",
  "SESSIONS_TABLE",
  "EVENT_BUS_NAME",
  "UNPUBLISHED_QUEUE_URL",
  "OAUTH_MONITORING_CONFIG",
  "OAUTH_MONITORING_STACK",
]);
const config = environment.OAUTH_MONITORING_CONFIG;
const client = createDocumentClient("call");
const metrics = createMetrics("authorizer", environment.OAUTH_MONITORING_STACK);
const unpublished = unpublishedQueue(environment.UNPUBLISHED_QUEUE_URL);
const bus = busSink(environment.EVENT_BUS_NAME, logger, {
  async keep(events) {
    await unpublished.keep(events);
    metrics.count("EventsSetAside", events.length);
  },
});
const report = (error: unknown) => {
  logger.error("Work after the response failed", { cause: String(error) });
  if (error instanceof PublishError) metrics.count("EventsLost", error.events.length);
};
const afterResponse = await registerInternalExtension(process.env.AWS_LAMBDA_RUNTIME_API, report);

/**
 * REQUEST authorizer: decides about one call. Its events, its log line and its metrics go out after the
 * answer.
 */
export const handler = middy<APIGatewayRequestAuthorizerEvent, APIGatewayAuthorizerResult>()
  .use(logLambdaContext())
  .use(logRequestId())
  .handler(async (event) => {
    const startedMs = systemClock();
    let decision: Decision | undefined;
    const sink = createBufferedSink(bus);
    const deferred: (() => Promise<unknown>)[] = [];
    try {
      decision = await authorize(
        {
          client,
          tokensTable: environment.TOKENS_TABLE,
          sessionsTable: environment.SESSIONS_TABLE,
          config,
          logger,
          clock: systemClock,
          sink,
          defer: (task) => deferred.push(task),
        },
        toProtectedRequest(event),
      );
      return toAuthorizerResult(decision, event.methodArn, config.realm);
    } finally {
      const durationMs = systemClock() - startedMs;
      await afterResponse.run(async () => {
        const outcomes = await Promise.allSettled(deferred.map((task) => task()));
        for (const outcome of outcomes) if (outcome.status === "rejected") report(outcome.reason);
        logger.info("The call is decided", {
          outcome: decision?.outcome ?? "failed",
          ...(decision && "reason" in decision ? { reason: decision.reason } : {}),
          event_ids: sink.gathered.map(({ id }) => id),
        });
        metrics.count(decisionMetric(decision), 1);
        metrics.milliseconds("DecisionDuration", durationMs);
        await sink.flush().catch(report);
        metrics.publish();
      });
    }
  });
