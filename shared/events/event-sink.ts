import { OAuthMonitoringError } from "../core/errors.ts";
import type { OAuthEvent } from "./oauth-event.ts";

/** Destination of tracked events. */
export interface EventSink {
  /** Resolves when the events are safe: on the bus, spooled, or buffered by the sink's owner. */
  publish(events: readonly OAuthEvent[]): Promise<void>;
}

/** Thrown when events were neither published nor spooled. */
export class PublishError extends OAuthMonitoringError {
  override readonly name = "PublishError";

  constructor(
    readonly events: readonly OAuthEvent[],
    cause: unknown,
  ) {
    super(`${events.length} event(s) could not be published: ${String(cause)}`, { cause });
  }
}

/** Maximum events published at the same time: ten PutEvents calls. */
const EVENTS_AT_ONCE = 100;

/**
 * Publishes any number of events in sequential batches.
 *
 * @param beforeEach called before each batch. If it throws, publishing stops.
 * @throws any error from the sink or `beforeEach`. Earlier batches are already published.
 */
export async function publishInBatches(
  sink: EventSink,
  events: readonly OAuthEvent[],
  beforeEach: () => void = () => {},
): Promise<void> {
  for (let first = 0; first < events.length; first += EVENTS_AT_ONCE) {
    beforeEach();
    await sink.publish(events.slice(first, first + EVENTS_AT_ONCE));
  }
}

/** Buffers events while a caller waits, and publishes them later. */
export interface BufferedSink extends EventSink {
  /** Buffered events. */
  readonly gathered: readonly OAuthEvent[];
  /** Publishes all buffered events. */
  flush(): Promise<void>;
}

/** Creates a sink that resolves immediately and publishes on `flush`. */
export function createBufferedSink(sink: EventSink): BufferedSink {
  let gathered: OAuthEvent[] = [];
  return {
    get gathered() {
      return gathered;
    },
    async publish(events) {
      gathered.push(...events);
    },
    async flush() {
      const events = gathered;
      gathered = [];
      if (events.length > 0) await sink.publish(events);
    },
  };
}
