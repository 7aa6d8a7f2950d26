import { OAuthMonitoringError } from "../core/oauth-monitoring-error.ts";
import type { OAuthEvent } from "./oauth-event.ts";

/** Where tracking hands its events. */
export interface EventSink {
  /** Resolves when the events are safe: on the bus, set aside for later, or buffered by the sink's owner. */
  publish(events: readonly OAuthEvent[]): Promise<void>;
}

/** Events that were neither published nor spooled. */
export class PublishError extends OAuthMonitoringError {
  override readonly name = "PublishError";

  constructor(
    readonly events: readonly OAuthEvent[],
    cause: unknown,
  ) {
    super(`${events.length} event(s) could not be published: ${String(cause)}`, { cause });
  }
}

/** Events that are published at the same time: ten calls of PutEvents. */
const EVENTS_AT_ONCE = 100;

/**
 * Publishes any number of events, some at a time.
 *
 * @param beforeEach is called before each part, and stops the publishing by throwing
 * @throws what the sink or `beforeEach` throws; parts before it are published
 */
export async function publishInTurn(
  sink: EventSink,
  events: readonly OAuthEvent[],
  beforeEach: () => void = () => {},
): Promise<void> {
  for (let first = 0; first < events.length; first += EVENTS_AT_ONCE) {
    beforeEach();
    await sink.publish(events.slice(first, first + EVENTS_AT_ONCE));
  }
}

/** Gathers events while a caller waits, and passes them on when nobody does. */
export interface BufferedSink extends EventSink {
  /** What waits to be handed over. */
  readonly gathered: readonly OAuthEvent[];
  /** Hands over everything gathered so far. */
  flush(): Promise<void>;
}

/** A sink that answers at once and publishes on `flush`. */
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
