import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { giveUpAfter } from "../../shared/sdk/request-timeouts.ts";
import type { Logger } from "../../shared/telemetry/logger.ts";
import { createEventPublisher, type SetAside } from "../../shared/tracking/event-publisher.ts";
import type { EventSink } from "../../shared/tracking/event-sink.ts";
import { traceHeader } from "./invocation.ts";

/** The SQS queue as the place to set events aside, opened when it is first needed. */
export function unpublishedQueue(queueUrl: string): SetAside {
  let queue: SetAside | undefined;
  return {
    async keep(events) {
      // Loaded when the bus first fails: a cold start does not pay for it.
      const { openUnpublishedQueue } = await import("./unpublished-queue.ts");
      queue ??= openUnpublishedQueue(queueUrl);
      await queue.keep(events);
    },
  };
}

/** The event bus as a function reaches it; endpoint, region and credentials come from the environment. */
export function busSink(eventBusName: string, logger: Logger, setAside?: SetAside): EventSink {
  // The publisher retries by itself, entry by entry; with the queue behind it, it is done or has set
  // the events aside within eight seconds, or twice that where the queue takes only a part at once:
  // well before the function's time is up.
  const eventBridge = new EventBridgeClient({
    maxAttempts: 1,
    requestHandler: giveUpAfter(1000),
  });
  return createEventPublisher({ eventBridge, eventBusName, logger, setAside, traceHeader });
}
