import type { Logger } from "../../shared/core/logger.ts";
import type { EventSink } from "../../shared/events/event-sink.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";

/** How many events are gathered, and for how long. */
export interface Batching {
  /**
   * Milliseconds that an event waits for others.
   *
   * @default 1000
   */
  readonly maxWaitMs?: number;
  /**
   * Events that are published together, at once when there are so many.
   *
   * @default 100
   */
  readonly batchSize?: number;
  /**
   * Events that may wait while the bus is slow. Further events are written whole to the error log.
   *
   * @default 10000
   */
  readonly maxEvents?: number;
}

/** A sink that answers at once and publishes in batches. */
export interface BatchingSink extends EventSink {
  /** Publishes everything that was gathered; resolves when it is done. */
  flush(): Promise<void>;
}

/**
 * Gathers events and publishes them in batches, one batch at a time. Its memory is bounded: what does not fit
 * goes to the error log, the last place from which it can be recovered.
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

  async function publishAll(least: number): Promise<void> {
    while (waiting.length > 0 && waiting.length >= least) {
      const batch = waiting.slice(0, batchSize);
      waiting = waiting.slice(batchSize);
      inFlight = batch.length;
      await sink.publish(batch).catch((error: unknown) => {
        logger.error("Events could not be published", { cause: String(error) });
      });
      inFlight = 0;
    }
  }

  /** Starts to publish, unless that is under way, and sees to what comes meanwhile. */
  function start(least: number): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    running ??= publishAll(least).finally(() => {
      running = undefined;
      if (waiting.length > 0) schedule();
    });
    return running;
  }

  function schedule(): void {
    if (waiting.length >= batchSize) void start(batchSize);
    // A process that ends flushes; it need not wait for the timer.
    else timer ??= setTimeout(() => void start(1), maxWaitMs).unref();
  }

  return {
    async publish(events) {
      const room = Math.max(0, maxEvents - waiting.length - inFlight);
      waiting.push(...events.slice(0, room));
      const rest = events.slice(room);
      if (rest.length > 0) {
        logger.error("Too many events wait to be published; recover these from this line", {
          events: rest,
        });
      }
      schedule();
    },
    async flush() {
      do await start(1);
      while (waiting.length > 0 || inFlight > 0);
    },
  };
}
