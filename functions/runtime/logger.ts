import { Logger } from "@aws-lambda-powertools/logger";
import { injectLambdaContext } from "@aws-lambda-powertools/logger/middleware";
import type middy from "@middy/core";
import { loggableRequestId, type RequestIdEvent } from "./invocation.ts";

/** The functions' structured log; service name and level come from the environment. */
export const logger = new Logger();

/**
 * Puts the invocation's context on its log lines. Never the event itself, which may hold tokens,
 * whatever `POWERTOOLS_LOGGER_LOG_EVENT` says.
 */
export const logLambdaContext = () => injectLambdaContext(logger, { logEvent: false });

/** Puts the gateway's request id on the log lines; each invocation overwrites the one before. */
export const logRequestId = (): middy.MiddlewareObj<RequestIdEvent> => ({
  before: ({ event }) => logger.appendKeys({ request_id: loggableRequestId(event) }),
});
