import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { giveUpAfter } from "../../shared/sdk/request-timeouts.ts";
import type { Logger } from "../../shared/telemetry/logger.ts";
import { createEventPublisher, type SetAside } from "../../shared/tracking/event-publisher.ts";
import type { EventSink } from "../../shared/tracking/event-sink.ts";
import { traceHeader } from "../events/invocation.ts";

/** The event bus of a function. Endpoint, region and credentials come from the environment. */
export function busSink(eventBusName: string, logger: Logger, setAside?: SetAside): EventSink {
  // The publisher retries each entry itself. It has published the events or put them into the queue within eight
  // seconds, or within sixteen when the queue accepts only a part at first. The function's timeout is much longer.
  const eventBridge = new EventBridgeClient({
    maxAttempts: 1,
    requestHandler: giveUpAfter(1000),
  });
  return createEventPublisher({ eventBridge, eventBusName, logger, setAside, traceHeader });
}
