import type { Logger } from "../../shared/core/telemetry.ts";
import type { EventSink } from "../../shared/events/event-sink.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";

/** Batching options. */
export interface Batching {
  /**
   * Maximum milliseconds that an event waits for its batch to fill.
   *
   * @default 1000
   */
  readonly maxWaitMs?: number;
  /**
   * Maximum number of events in a batch. A full batch is published immediately.
   *
   * @default 100
   */
  readonly batchSize?: number;
  /**
   * Maximum number of events in memory. While this many events wait for the bus, further events are dropped and written
   * to the error log in full.
   *
   * @default 10000
   */
  readonly maxEvents?: number;
}

/** A sink that accepts events immediately and publishes them in batches. */
export interface BatchingSink extends EventSink {
  /** Publishes all waiting events. Resolves when they are published. */
  flush(): Promise<void>;
}

/**
 * Creates a sink that publishes events in batches, one batch at a time. Memory use is bounded: events that don't fit
 * are dropped and written to the error log, so that you can recover them.
 */
export function createBatchingSink(
  sink: EventSink,
  logger: Logger,
  { maxWaitMs = 1000, batchSize = 100, maxEvents = 10_000 }: Batching = {},
): BatchingSink {
  let waiting: OAuthEvent[] = [];
  let inFlight = 0;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;

  async function publishAll(minEvents: number): Promise<void> {
    while (waiting.length > 0 && waiting.length >= minEvents) {
      const batch = waiting.slice(0, batchSize);
      waiting = waiting.slice(batchSize);
      inFlight = batch.length;
      await sink.publish(batch).catch((error: unknown) => {
        logger.error("Events could not be published", { cause: String(error) });
      });
      inFlight = 0;
    }
  }

  /**
   * Starts publishing, unless it is already running. Afterwards, schedules a batch for events that arrived in the
   * meantime.
   */
  function start(minEvents: number): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    running ??= publishAll(minEvents).finally(() => {
      running = undefined;
      if (waiting.length > 0) schedule();
    });
    return running;
  }

  function schedule(): void {
    if (waiting.length >= batchSize) void start(batchSize);
    // The timer doesn't have to keep the process alive, because the adapter flushes before the process exits.
    else timer ??= setTimeout(() => void start(1), maxWaitMs).unref();
  }

  return {
    async publish(events) {
      const room = Math.max(0, maxEvents - waiting.length - inFlight);
      waiting.push(...events.slice(0, room));
      const rest = events.slice(room);
      if (rest.length > 0) {
        logger.error(
          "The buffer of unpublished events is full; these events were dropped and are logged here for recovery",
          {
            events: rest,
          },
        );
      }
      schedule();
    },
    async flush() {
      do await start(1);
      while (waiting.length > 0 || inFlight > 0);
    },
  };
}
