import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { readEnvironment } from "../../shared/config/environment.ts";
import { PublishError } from "../../shared/events/event-publisher.ts";
import { type OAuthEvent, oauthEventSchema } from "../../shared/events/oauth-event.ts";
import { refusalReason } from "../../shared/events/refusal-reason.ts";
import { busSink } from "../runtime/event-sink.ts";
import { logLambdaContext } from "../runtime/log-context.ts";
import { logger } from "../runtime/logger.ts";
import { createMetrics } from "../runtime/metrics.ts";

const { EVENT_BUS_NAME, OAUTH_MONITORING_STACK } = readEnvironment(process.env, [
  "EVENT_BUS_NAME",
  "OAUTH_MONITORING_STACK",
]);
const metrics = createMetrics("republisher", OAUTH_MONITORING_STACK);
const bus = busSink(EVENT_BUS_NAME, logger);

/** The event in a message, or undefined when it is none; such a message ends in the dead-letter queue. */
function parse(body: string): OAuthEvent | undefined {
  try {
    return oauthEventSchema.parse(JSON.parse(body));
  } catch (error) {
    logger.error("A set-aside message is no event", { cause: refusalReason(error) });
    return undefined;
  }
}

/** Brings events that were set aside back to the bus; those it still refuses wait for the next try. */
export const handler = middy<SQSEvent, SQSBatchResponse>()
  .use(logLambdaContext())
  .handler(async ({ Records }) => {
    const messages = Records.map((record) => ({ id: record.messageId, event: parse(record.body) }));
    const events = messages.flatMap(({ event }) => (event ? [event] : []));
    const refused = new Set<OAuthEvent>();
    try {
      await bus.publish(events);
    } catch (error) {
      if (!(error instanceof PublishError)) throw error;
      for (const event of error.events) refused.add(event);
    }
    const failed = messages.filter(({ event }) => !event || refused.has(event));
    metrics.count("EventsReturned", messages.length - failed.length);
    metrics.count("EventsRefused", failed.length);
    metrics.publish();
    return { batchItemFailures: failed.map(({ id }) => ({ itemIdentifier: id })) };
  });
