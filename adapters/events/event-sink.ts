import type { Logger } from "../../shared/core/telemetry.ts";
import type { EventSpool } from "../../shared/events/event-publisher.ts";
import type { EventSink } from "../../shared/events/event-sink.ts";

/**
 * Creates a sink for the event bus, which it opens with the first events. Endpoint, region and credentials come from
 * the environment.
 */
export function busSink(eventBusName: string, logger: Logger, spool?: EventSpool): EventSink {
  let bus: EventSink | undefined;
  return {
    async publish(events) {
      // Loaded with the first events, to keep cold starts short.
      const { busSink: openBus } = await import("./bus-publisher.ts");
      bus ??= openBus(eventBusName, logger, spool);
      await bus.publish(events);
    },
  };
}
