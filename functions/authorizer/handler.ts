import middy from "@middy/core";
import type { APIGatewayAuthorizerResult, APIGatewayRequestAuthorizerEvent } from "aws-lambda";
import { loadOtherIssuers } from "../../shared/authorization/load-other-issuers.ts";
import { readEnvironment } from "../../shared/config/environment.ts";
import { createDocumentClient } from "../../shared/dynamodb/document-client.ts";
import { systemClock } from "../../shared/time/clock.ts";
import { busSink, unpublishedQueue } from "../runtime/event-sink.ts";
import { logger, logLambdaContext, logRequestId } from "../runtime/logger.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { type Authorizer, decideCall, reportFailure } from "./decide-call.ts";
import { registerInternalExtension } from "./internal-extension.ts";

const environment = readEnvironment(process.env, [
  "TOKENS_TABLE",
  "SESSIONS_TABLE",
  "EVENT_BUS_NAME",
  "UNPUBLISHED_QUEUE_URL",
  "OAUTH_MONITORING_CONFIG",
  "OAUTH_MONITORING_STACK",
]);
const metrics = createMetrics("authorizer", environment.OAUTH_MONITORING_STACK);
const unpublished = unpublishedQueue(environment.UNPUBLISHED_QUEUE_URL);
const authorizer: Authorizer = {
  db: createDocumentClient("call"),
  tokensTable: environment.TOKENS_TABLE,
  sessionsTable: environment.SESSIONS_TABLE,
  config: environment.OAUTH_MONITORING_CONFIG,
  logger,
  metrics,
  clock: systemClock,
  otherIssuers: await loadOtherIssuers(environment.OAUTH_MONITORING_CONFIG, { clock: systemClock }),
  sink: busSink(environment.EVENT_BUS_NAME, logger, {
    async keep(events) {
      await unpublished.keep(events);
      metrics.count("EventsSetAside", events.length);
    },
  }),
  afterResponse: await registerInternalExtension(process.env.AWS_LAMBDA_RUNTIME_API, (error) =>
    reportFailure({ logger, metrics }, error),
  ),
};

/** REQUEST authorizer: decides about one call. */
export const handler = middy<APIGatewayRequestAuthorizerEvent, APIGatewayAuthorizerResult>()
  .use(logLambdaContext())
  .use(logRequestId())
  .handler((event) => decideCall(authorizer, event));
