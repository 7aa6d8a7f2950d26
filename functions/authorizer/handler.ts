import middy from "@middy/core";
import { registerInternalExtension } from "../../doors/after-response/internal-extension.ts";
import { openDoor } from "../../doors/decide/open-door.ts";
import type { RequestIdEvent } from "../../doors/events/invocation.ts";
import { readEnvironment } from "../../shared/config/environment.ts";
import { logger, logLambdaContext, logRequestId } from "../runtime/logger.ts";
import { createMetrics, measureInit } from "../runtime/metrics.ts";
import type { AuthorizerResult } from "./authorizer-call.ts";
import { type Authorizer, decideCall, reportFailure } from "./decide-call.ts";

const { OAUTH_MONITORING_STACK } = readEnvironment(process.env, ["OAUTH_MONITORING_STACK"]);
const metrics = createMetrics("authorizer", OAUTH_MONITORING_STACK);
const authorizer: Authorizer = {
  ...(await openDoor({
    environment: process.env,
    logger,
    onSetAside: (count) => {
      metrics.count("EventsSetAside", count);
      // At once: the environment may be frozen for long after this call.
      metrics.publish();
    },
  })),
  metrics,
  afterResponse: await registerInternalExtension(process.env.AWS_LAMBDA_RUNTIME_API, (error) =>
    reportFailure({ logger, metrics }, error),
  ),
};
measureInit(metrics, process.env);

/** Authorizer of REST APIs, HTTP APIs and AppSync: decides about one call. */
export const handler = middy<RequestIdEvent, AuthorizerResult>()
  .use(logLambdaContext())
  .use(logRequestId())
  .handler((event) => decideCall(authorizer, event));
