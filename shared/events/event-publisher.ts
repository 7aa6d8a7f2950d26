import {
  EventBridgeClient,
  PutEventsCommand,
  type PutEventsRequestEntry,
} from "@aws-sdk/client-eventbridge";
import { type CallLimits, giveUpAfter, retryRejected, splitIntoCalls } from "../core/aws-calls.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import type { Logger } from "../core/telemetry.ts";
import { type EventSink, PublishError } from "./event-sink.ts";
import { detailType, EVENT_SOURCE, type OAuthEvent } from "./oauth-event.ts";

/** Consecutive failures that open the circuit. */
const FAILURES = 2;
const OPEN_MS = 30_000;

/**
 * Stops calls to a failing service. Two consecutive failures open the circuit for 30 seconds; then one trial call is
 * allowed. The implementation compares times instead of using a timer, because timers stop while Lambda freezes a
 * function.
 */
export class CircuitBreaker {
  #failures = 0;
  #openUntilMs = 0;

  constructor(private readonly clock: Clock) {}

  get isOpen(): boolean {
    return this.#failures >= FAILURES;
  }

  /** Whether the next call is allowed. An open circuit allows one call every 30 seconds. */
  admits(): boolean {
    if (!this.isOpen) return true;
    if (this.clock() < this.#openUntilMs) return false;
    // Allow only this trial. The circuit stays open for concurrent calls until the trial succeeds.
    this.#openUntilMs = this.clock() + OPEN_MS;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  failed(): void {
    this.#failures += 1;
    this.#openUntilMs = this.clock() + OPEN_MS;
  }
}

/**
 * PutEvents accepts ten entries per call.
 * https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
 */
const PUT_EVENTS_LIMITS: CallLimits<OAuthEvent> = {
  maxItems: 10,
  /** Below 256 KB per call, the older limit that every region supports. */
  maxBytes: 240 * 1024,
  getByteLength: (event) => Buffer.byteLength(JSON.stringify(event)) + 256,
};

/** A spool for events that the bus did not accept. */
export interface EventSpool {
  /** Stores the events durably. Rejects if it can't. */
  keep(events: readonly OAuthEvent[]): Promise<void>;
}

/** Target bus of a publisher, and its fallback. */
export interface EventPublisherOptions {
  readonly eventBridge: EventBridgeClient;
  readonly eventBusName: string;
  /** Spool. Without it, `publish` throws `PublishError` when the bus doesn't accept events. */
  readonly spool?: EventSpool | undefined;
  readonly logger: Logger;
  /** Returns the current X-Ray trace header, so that the trace continues in the bus's targets. */
  readonly traceHeader?: (() => string | undefined) | undefined;
  /** Defaults to the system clock. */
  readonly clock?: Clock | undefined;
  /**
   * Maximum PutEvents calls per failed event. The SDK also retries whole calls.
   *
   * @default 3
   */
  readonly maxAttempts?: number | undefined;
  /**
   * Delay before the second attempt, in milliseconds. Doubles with each attempt, with jitter.
   *
   * @default 50
   */
  readonly retryDelayMs?: number | undefined;
  /** Waits between attempts. Defaults to a real timer. */
  readonly wait?: ((ms: number) => Promise<unknown>) | undefined;
}

function toEntry(
  event: OAuthEvent,
  eventBusName: string,
  traceHeader: string | undefined,
): PutEventsRequestEntry {
  return {
    EventBusName: eventBusName,
    Source: EVENT_SOURCE,
    DetailType: detailType(event.event_type),
    Time: new Date(event.occurred_at),
    Detail: JSON.stringify(event),
    ...(traceHeader ? { TraceHeader: traceHeader } : {}),
  };
}

/** With a spool, failed calls are retried only within this time, because the Lambda environment is waiting. */
const RETRY_WITHIN_MS = 300;

/** Errors caused by the events themselves, which don't indicate a failing bus. */
const INVALID_EVENT = /^(ValidationException|MalformedDetail|InvalidArgument):/;

/**
 * Creates a sink that publishes to EventBridge. It retries each failed entry, which the SDK doesn't do, and spools
 * events that still fail.
 *
 * After two consecutive calls in which the bus accepted nothing, the sink skips the bus and spools events for 30
 * seconds, so that a hanging bus doesn't delay callers. After two consecutive spool failures, it also skips the spool.
 * Events that can be neither published nor spooled are written in full to the error log, from which they can be
 * recovered.
 *
 * @example
 * ```typescript
 * const publisher = createEventPublisher({
 *   eventBridge: new EventBridgeClient(),
 *   eventBusName: "monitoring-bus",
 *   logger: console,
 * });
 * ```
 */
export function createEventPublisher(options: EventPublisherOptions): EventSink {
  const { eventBridge, eventBusName, spool, logger, traceHeader } = options;
  const { clock = systemClock } = options;
  const bus = new CircuitBreaker(clock);
  const spoolCircuit = new CircuitBreaker(clock);

  async function putOnce(events: readonly OAuthEvent[]): Promise<[OAuthEvent[], unknown]> {
    try {
      const header = traceHeader?.();
      const Entries = events.map((event) => toEntry(event, eventBusName, header));
      const answer = await eventBridge.send(new PutEventsCommand({ Entries }));
      const failed = events.filter((_, index) => answer.Entries?.[index]?.ErrorCode !== undefined);
      const first = answer.Entries?.find((entry) => entry.ErrorCode !== undefined);
      return [failed, first && `${first.ErrorCode}: ${first.ErrorMessage ?? ""}`];
    } catch (error) {
      return [[...events], error];
    }
  }

  /** Returns the events that the bus did not accept, and why. */
  async function toBus(events: readonly OAuthEvent[]): Promise<[OAuthEvent[], unknown]> {
    const startedMs = clock();
    const mayRetry = () => clock() - startedMs < RETRY_WITHIN_MS;
    const [failed, cause] = await retryRejected(events, putOnce, {
      ...options,
      ...(spool && { mayRetry }),
    });
    if (failed.length < events.length) bus.succeeded();
    else if (!INVALID_EVENT.test(String(cause))) bus.failed();
    return [failed, cause];
  }

  /** @throws any error from the spool */
  async function toSpool(events: readonly OAuthEvent[], eventSpool: EventSpool): Promise<void> {
    if (!spoolCircuit.admits()) throw new Error("the spool failed recently");
    try {
      await eventSpool.keep(events);
      spoolCircuit.succeeded();
    } catch (error) {
      spoolCircuit.failed();
      throw error;
    }
  }

  async function put(events: readonly OAuthEvent[]): Promise<void> {
    let failed: readonly OAuthEvent[] = events;
    let cause: unknown;
    const skipsBus = spool !== undefined && !bus.admits();
    if (!skipsBus) [failed, cause] = await toBus(events);
    if (failed.length === 0) return;
    if (!spool) throw new PublishError(failed, cause);
    const triesSpool = !spoolCircuit.isOpen;
    try {
      await toSpool(failed, spool);
      // Log once when the bus fails, not for each call while the circuit is open.
      if (!skipsBus) {
        logger.warn("The event bus did not accept the events; they are spooled", {
          count: failed.length,
          cause: String(cause),
        });
      }
    } catch (error) {
      // The bus was skipped, so it may work even though the spool fails.
      if (skipsBus && triesSpool) [failed] = await toBus(failed);
      if (failed.length === 0) return;
      logger.error(
        "Events could be neither published nor spooled. Recover them from this log line",
        {
          events: failed,
          cause: String(error),
        },
      );
      throw new PublishError(failed, error);
    }
  }

  return {
    async publish(events) {
      const outcomes = await Promise.allSettled(splitIntoCalls(events, PUT_EVENTS_LIMITS).map(put));
      const lost = outcomes.filter((outcome) => outcome.status === "rejected");
      if (lost.length === 0) return;
      const reasons = lost.map((outcome) => outcome.reason as PublishError);
      throw new PublishError(
        reasons.flatMap((reason) => reason.events ?? []),
        reasons[0]?.cause,
      );
    },
  };
}

/** PutEvents timeout in milliseconds, used when a queue can take the events instead. */
export const SHORT_PUT_MS = 500;
const LONG_PUT_MS = 1000;

/** Opens an event bus for a Lambda function. Endpoint, region and credentials come from the environment. */
export function openBus(options: Omit<EventPublisherOptions, "eventBridge">): EventSink {
  // The publisher retries each entry itself. With a queue, an event takes at most 0.8 s of PutEvents calls plus 2 s of
  // SQS calls to reach the bus or the queue, well below the function's timeout.
  const eventBridge = new EventBridgeClient({
    maxAttempts: 1,
    requestHandler: giveUpAfter(options.spool ? SHORT_PUT_MS : LONG_PUT_MS),
  });
  return createEventPublisher({ ...options, eventBridge });
}
