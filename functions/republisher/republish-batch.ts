import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import type { Logger } from "../../shared/core/telemetry.ts";
import { type EventSink, PublishError } from "../../shared/events/event-sink.ts";
import { type OAuthEvent, oauthEventSchema } from "../../shared/events/oauth-event.ts";
import { getRejectionReason } from "../../shared/events/redact-text.ts";
import type { FunctionMetrics } from "../runtime/metrics.ts";

/** Dependencies of the republisher. */
export interface Republisher {
  /** The event bus, without a spool queue: events that can't be published stay in the queue that they came from. */
  readonly bus: EventSink;
  readonly logger: Logger;
  readonly metrics: FunctionMetrics<"republisher">;
}

/** Parses the event in a message. Returns undefined for an invalid event, which ends up in the dead-letter queue. */
function parse(logger: Logger, body: string): OAuthEvent | undefined {
  try {
    return oauthEventSchema.parse(JSON.parse(body));
  } catch (error) {
    logger.error("A spooled message is not an event", { cause: getRejectionReason(error) });
    return undefined;
  }
}

/** Republishes spooled events to the bus. Events that fail again wait for the next attempt. */
export async function republishBatch(
  { bus, logger, metrics }: Republisher,
  { Records }: SQSEvent,
): Promise<SQSBatchResponse> {
  const messages = Records.map(({ messageId, body }) => ({
    id: messageId,
    event: parse(logger, body),
  }));
  const events = messages.flatMap(({ event }) => (event ? [event] : []));
  const rejected = new Set<OAuthEvent>();
  try {
    await bus.publish(events);
  } catch (error) {
    const failed = error instanceof PublishError ? error.events : events;
    for (const event of failed) rejected.add(event);
    logger.warn("The event bus did not accept some events; they will be retried", {
      count: failed.length,
      cause: String(error),
    });
  }
  const failed = messages.filter(({ event }) => !event || rejected.has(event));
  metrics.count("EventsReturned", messages.length - failed.length);
  metrics.count("EventsRejected", failed.length);
  metrics.publish();
  return { batchItemFailures: failed.map(({ id }) => ({ itemIdentifier: id })) };
}
