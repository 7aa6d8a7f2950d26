import middy from "@middy/core";
import { readEnvironment } from "../../shared/config/environment.ts";
import { systemClock } from "../../shared/core/clock.ts";
import { type PollRun, pollSets } from "../../shared/integrations/shared-signals/poll-sets.ts";
import { logger, logLambdaContext } from "../runtime/logger.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { secretText } from "../runtime/secret-text.ts";
import { countSet, createSetReceiver } from "../runtime/set-receiver.ts";

const { OAUTH_MONITORING_STACK } = readEnvironment(process.env, ["OAUTH_MONITORING_STACK"]);
const metrics = createMetrics("signal-poller", OAUTH_MONITORING_STACK);
const { receiver, transmitters } = createSetReceiver(
  ({ poll }) => poll !== undefined,
  (outcome) => countSet(metrics, outcome),
);

/** Time before the function's deadline that is reserved for the last request and its acknowledgement. */
const RESERVE_MS = 25_000;

/** Polls all configured transmitters for SETs (RFC 8936). A failing transmitter doesn't delay others. */
export const handler = middy<unknown, Readonly<Record<string, PollRun>>>()
  .use(logLambdaContext())
  .handler(async (_, context) => {
    const deadlineMs = systemClock() + context.getRemainingTimeInMillis() - RESERVE_MS;
    const outcomes = await Promise.allSettled(
      transmitters.map(async (transmitter) => {
        const arn = transmitter.poll?.authorizationSecretArn ?? "";
        const options = { authorization: await secretText(arn), deadlineMs };
        return [transmitter.name, await pollSets(receiver, transmitter, options)] as const;
      }),
    );
    const failures = outcomes.flatMap((outcome, index) =>
      outcome.status === "rejected" ? [{ transmitter: transmitters[index]?.name, ...outcome }] : [],
    );
    for (const { transmitter, reason } of failures) {
      logger.error("A transmitter could not be polled", { transmitter, cause: String(reason) });
    }
    metrics.count("PollsFailed", failures.length);
    metrics.publish();
    // Triggers the function's error alarm.
    if (failures.length > 0) throw failures[0]?.reason;
    const runs = Object.fromEntries(
      outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : [])),
    );
    logger.info("Poll", { runs });
    return runs;
  });
