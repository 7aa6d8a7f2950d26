import middy from "@middy/core";
import { type PollRun, pollSets } from "../../shared/shared-signals/poll-sets.ts";
import { systemClock } from "../../shared/time/clock.ts";
import { logger, logLambdaContext } from "../runtime/logger.ts";
import { secretText } from "../runtime/secret-text.ts";
import { createSetReceiver } from "../runtime/set-receiver.ts";

const { receiver, transmitters } = createSetReceiver(({ poll }) => poll !== undefined);

/** Of the function's time, what the last request and its acknowledgement take. */
const RESERVE_MS = 25_000;

/** Fetches the SETs of every transmitter that is polled (RFC 8936). One that fails keeps no other waiting. */
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
    // So that the function's alarm rings.
    if (failures.length > 0) throw failures[0]?.reason;
    const runs = Object.fromEntries(
      outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : [])),
    );
    logger.info("Poll", { runs });
    return runs;
  });
