import middy from "@middy/core";
import type { Context } from "aws-lambda";
import type { RequestIdEvent } from "../../adapters/events/invocation.ts";
import { openAdapter } from "../../adapters/http/open-adapter.ts";
import { registerInternalExtension } from "../../adapters/lambda/internal-extension.ts";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import { logger, logLambdaContext, logRequestId } from "../runtime/logger.ts";
import { createMetrics, measureInit } from "../runtime/metrics.ts";
import type { AuthorizerResult } from "./authorizer-call.ts";
import { type Authorizer, decideCall, reportFailure } from "./decide-call.ts";

const { OAUTH_MONITORING_STACK } = readEnvironment(process.env, ["OAUTH_MONITORING_STACK"]);
const metrics = createMetrics("authorizer", OAUTH_MONITORING_STACK);
const afterResponse = await registerInternalExtension(process.env.AWS_LAMBDA_RUNTIME_API, (error) =>
  reportFailure({ logger, metrics }, error),
);

/** The share of allowed calls that are logged at info level. */
const LOGGED_SHARE = 0.01;

/** Deferred work of the current invocation. An environment handles one invocation at a time. */
const works: (() => Promise<void>)[] = [];

const authorizer: Authorizer = {
  ...(await openAdapter({
    environment: withConfigFile(process.env),
    logger,
    onSpooled: (count) => {
      metrics.count("EventsSpooled", count);
      // Published immediately, because Lambda may freeze the environment for a long time after this call.
      metrics.publish();
    },
  })),
  metrics,
  isSampled: () => Math.random() < LOGGED_SHARE,
  afterResponse: { run: async (work) => void works.push(work) },
};
measureInit(metrics, process.env);

const decideLogged = middy<RequestIdEvent, AuthorizerResult>()
  .use(logLambdaContext())
  .use(logRequestId())
  .handler((event) => decideCall(authorizer, event));

/** Lambda authorizer for REST APIs, HTTP APIs and AppSync. */
export async function handler(event: RequestIdEvent, context: Context): Promise<AuthorizerResult> {
  try {
    return await decideLogged(event, context);
  } finally {
    // Must run even if a middleware threw, because the extension keeps the environment active until this work is done.
    await afterResponse.run(async () => {
      for (const work of works.splice(0)) await work();
    });
  }
}
