import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import type { Logger } from "../../shared/core/logger.ts";
import { giveUpAfter } from "../../shared/core/request-timeouts.ts";
import { createEventPublisher, type SetAside } from "../../shared/events/event-publisher.ts";
import type { EventSink } from "../../shared/events/event-sink.ts";
import { traceHeader } from "./invocation.ts";

/** PutEvents timeout in milliseconds, used when a queue can take the events instead. */
export const SHORT_PUT_MS = 500;
const LONG_PUT_MS = 1000;

/**
 * Creates a sink for the event bus. Functions use `busSink` of event-sink.ts, which loads this module with the first
 * events.
 */
export function busSink(eventBusName: string, logger: Logger, setAside?: SetAside): EventSink {
  // The publisher retries each entry itself. With a queue, an event takes at most 0.8 s of PutEvents calls plus 2 s of
  // SQS calls to reach the bus or the queue, well below the function's timeout.
  const eventBridge = new EventBridgeClient({
    maxAttempts: 1,
    requestHandler: giveUpAfter(setAside ? SHORT_PUT_MS : LONG_PUT_MS),
  });
  return createEventPublisher({ eventBridge, eventBusName, logger, setAside, traceHeader });
}
