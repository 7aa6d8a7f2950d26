import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import type { Logger } from "../../shared/core/logger.ts";
import { giveUpAfter } from "../../shared/core/request-timeouts.ts";
import { createEventPublisher, type SetAside } from "../../shared/events/event-publisher.ts";
import type { EventSink } from "../../shared/events/event-sink.ts";
import { traceHeader } from "./invocation.ts";

/** How long a call of PutEvents may take when events can go to a queue instead, milliseconds. */
export const SHORT_PUT_MS = 500;
const LONG_PUT_MS = 1000;

/**
 * Opens the event bus of a function. The build makes this a separate file next to the bundle, which is loaded with the first
 * events, so it does not slow down a cold start.
 */
export function openBus(eventBusName: string, logger: Logger, setAside?: SetAside): EventSink {
  // The publisher retries each entry itself. With a queue, events are on the bus or in the queue within 0.8 s of
  // PutEvents and 2 s of SQS. The function's timeout is much longer.
  const eventBridge = new EventBridgeClient({
    maxAttempts: 1,
    requestHandler: giveUpAfter(setAside ? SHORT_PUT_MS : LONG_PUT_MS),
  });
  return createEventPublisher({ eventBridge, eventBusName, logger, setAside, traceHeader });
}
