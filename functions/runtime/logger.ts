import { Logger } from "@aws-lambda-powertools/logger";
import { injectLambdaContext } from "@aws-lambda-powertools/logger/middleware";
import type middy from "@middy/core";
import { loggableRequestId, type RequestIdEvent } from "../../adapters/events/invocation.ts";

/**
 * The structured logger. The service name comes from the environment. The level comes from the function's logging
 * configuration, which Lambda sets as `AWS_LAMBDA_LOG_LEVEL`.
 */
export const logger = new Logger();

/**
 * Adds the Lambda context to log lines. Never logs the event, which may contain tokens, even if
 * `POWERTOOLS_LOGGER_LOG_EVENT` is set.
 */
export const logLambdaContext = () => injectLambdaContext(logger, { logEvent: false });

/** Adds API Gateway's request ID to log lines. Each invocation replaces the previous ID. */
export const logRequestId = (): middy.MiddlewareObj<RequestIdEvent> => ({
  before: ({ event }) => logger.appendKeys({ request_id: loggableRequestId(event) }),
});
