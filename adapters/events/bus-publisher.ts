import type { Logger } from "../../shared/core/telemetry.ts";
import { type EventSpool, openBus } from "../../shared/events/event-publisher.ts";
import type { EventSink } from "../../shared/events/event-sink.ts";
import { traceHeader } from "./invocation.ts";

/**
 * Creates a sink for the event bus. Functions use `busSink` of event-sink.ts, which loads this module with the first
 * events.
 */
export function busSink(eventBusName: string, logger: Logger, spool?: EventSpool): EventSink {
  return openBus({ eventBusName, logger, spool, traceHeader });
}
