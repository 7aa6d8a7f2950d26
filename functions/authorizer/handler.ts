import middy from "@middy/core";
import type { APIGatewayAuthorizerResult, APIGatewayRequestAuthorizerEvent } from "aws-lambda";
import { authorize } from "../../shared/authorization/authorize.ts";
import { systemClock } from "../../shared/clock/clock.ts";
import { readEnvironment } from "../../shared/config/environment.ts";
import { createDocumentClient } from "../../shared/dynamodb/client.ts";
import { createBufferedSink } from "../../shared/events/event-sink.ts";
import { busSink, unpublishedQueue } from "../runtime/event-sink.ts";
import { logger } from "../runtime/logger.ts";
import { toAuthorizerResult } from "./authorizer-response.ts";
import { registerInternalExtension } from "./internal-extension.ts";
import { toProtectedRequest } from "./protected-request.ts";

const environment = readEnvironment(process.env, [
  "TOKENS_TABLE",
  "SESSIONS_TABLE",
  "EVENT_BUS_NAME",
  "UNPUBLISHED_QUEUE_URL",
  "OAUTH_MONITORING_CONFIG",
]);
const config = environment.OAUTH_MONITORING_CONFIG;
const client = createDocumentClient("call");
const bus = busSink(
  environment.EVENT_BUS_NAME,
  logger,
  unpublishedQueue(environment.UNPUBLISHED_QUEUE_URL),
);
const report = (error: unknown) =>
  logger.error("Work after the response failed", { cause: String(error) });
const afterResponse = await registerInternalExtension(process.env.AWS_LAMBDA_RUNTIME_API, report);

/** REQUEST authorizer: decides about one call; its events are published after the answer. */
export const handler = middy<
  APIGatewayRequestAuthorizerEvent,
  APIGatewayAuthorizerResult
>().handler(async (event) => {
  const sink = createBufferedSink(bus);
  const deferred: (() => Promise<unknown>)[] = [() => sink.flush()];
  try {
    const decision = await authorize(
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
    await afterResponse.run(async () => {
      const outcomes = await Promise.allSettled(deferred.map((task) => task()));
      for (const outcome of outcomes) if (outcome.status === "rejected") report(outcome.reason);
    });
  }
});
