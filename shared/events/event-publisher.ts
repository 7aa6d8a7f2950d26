import {
  type EventBridgeClient,
  PutEventsCommand,
  type PutEventsRequestEntry,
} from "@aws-sdk/client-eventbridge";
import { type CallLimits, inCalls } from "../core/call-batches.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import { type SendAgainOptions, sendAgain } from "../core/send-again.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { type EventSink, PublishError } from "./event-sink.ts";
import { detailType, EVENT_SOURCE, type OAuthEvent } from "./oauth-event.ts";

/** PutEvents takes ten entries a call. https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html */
const PUT_EVENTS_LIMITS: CallLimits<OAuthEvent> = {
  maxItems: 10,
  /** Below the older limit of 256 KB a call, which holds in every region. */
  maxBytes: 240 * 1024,
  bytesOf: (event) => Buffer.byteLength(JSON.stringify(event)) + 256,
};

/** Where events wait while the bus does not take them. */
export interface SetAside {
  /** Stores the events durably; rejects when it cannot. */
  keep(events: readonly OAuthEvent[]): Promise<void>;
}

/** Which bus events go to, and what becomes of those that it does not take. */
export interface EventPublisherOptions extends Omit<SendAgainOptions, "mayRetry"> {
  readonly eventBridge: EventBridgeClient;
  readonly eventBusName: string;
  /** Without it, events that the bus does not take are reported by `PublishError`. */
  readonly setAside?: SetAside | undefined;
  readonly logger: Logger;
  /** X-Ray's header of the work at hand, by which a trace goes on from the bus to its targets. */
  readonly traceHeader?: (() => string | undefined) | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
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

/** With a queue to fall back on, a call that took longer isn't retried: a caller's environment waits for it. */
const RETRY_WITHIN_MS = 300;

/** Errors in the events themselves, which say nothing about the bus. */
const INVALID_EVENT = /^(ValidationException|MalformedDetail|InvalidArgument):/;

/**
 * Publishes to EventBridge and retries each entry that fails, because PutEvents can fail in part and the SDK does not
 * retry that. Events that still fail go to the queue of set-aside events. After two consecutive calls in which
 * the bus accepted nothing, events go straight to that queue for 30 seconds, so that a bus that hangs does not hold up
 * callers. Events that the queue does not accept either are written whole to the error log, from which they can be
 * recovered; after two failures of the queue, without waiting for it.
 */
export function createEventPublisher(options: EventPublisherOptions): EventSink {
  const { eventBridge, eventBusName, setAside, logger, traceHeader } = options;
  const { clock = systemClock } = options;
  const bus = new CircuitBreaker(clock);
  const queue = new CircuitBreaker(clock);

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
    const [failed, cause] = await sendAgain(events, putOnce, {
      ...options,
      ...(setAside && { mayRetry }),
    });
    if (failed.length < events.length) bus.succeeded();
    else if (!INVALID_EVENT.test(String(cause))) bus.failed();
    return [failed, cause];
  }

  /** @throws the queue's error */
  async function toQueue(events: readonly OAuthEvent[], aside: SetAside): Promise<void> {
    if (!queue.admits()) throw new Error("the queue of set-aside events failed moments ago");
    try {
      await aside.keep(events);
      queue.succeeded();
    } catch (error) {
      queue.failed();
      throw error;
    }
  }

  async function put(events: readonly OAuthEvent[]): Promise<void> {
    let failed: readonly OAuthEvent[] = events;
    let cause: unknown;
    const skipsBus = setAside !== undefined && !bus.admits();
    if (!skipsBus) [failed, cause] = await toBus(events);
    if (failed.length === 0) return;
    if (!setAside) throw new PublishError(failed, cause);
    const triesQueue = !queue.isOpen;
    try {
      await toQueue(failed, setAside);
      // One line when the bus fails, not one for each call while the circuit is open.
      if (!skipsBus) {
        logger.warn("The event bus did not take the events; they are set aside", {
          count: failed.length,
          cause: String(cause),
        });
      }
    } catch (error) {
      // The queue may be at fault alone.
      if (skipsBus && triesQueue) [failed] = await toBus(failed);
      if (failed.length === 0) return;
      logger.error("Events could be neither published nor set aside; recover them from this line", {
        events: failed,
        cause: String(error),
      });
      throw new PublishError(failed, error);
    }
  }

  return {
    async publish(events) {
      const outcomes = await Promise.allSettled(inCalls(events, PUT_EVENTS_LIMITS).map(put));
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
