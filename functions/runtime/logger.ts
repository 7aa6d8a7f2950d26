import { Logger } from "@aws-lambda-powertools/logger";
import { injectLambdaContext } from "@aws-lambda-powertools/logger/middleware";
import type middy from "@middy/core";
import { loggableRequestId, type RequestIdEvent } from "../../adapters/events/invocation.ts";

/**
 * The functions' structured log. The service name comes from the environment, the level from the function's logging
 * configuration, which Lambda sets as `AWS_LAMBDA_LOG_LEVEL`.
 */
export const logger = new Logger();

/**
 * Adds the invocation's context to its log lines. It never logs the event, which may contain tokens, even if
 * `POWERTOOLS_LOGGER_LOG_EVENT` is set.
 */
export const logLambdaContext = () => injectLambdaContext(logger, { logEvent: false });

/** Adds the gateway's request id to the log lines. Each invocation replaces the previous id. */
export const logRequestId = (): middy.MiddlewareObj<RequestIdEvent> => ({
  before: ({ event }) => logger.appendKeys({ request_id: loggableRequestId(event) }),
});
