import {
  type EventBridgeClient,
  PutEventsCommand,
  type PutEventsRequestEntry,
} from "@aws-sdk/client-eventbridge";
import { detailType, EVENT_SOURCE, type OAuthEvent } from "../envelope/oauth-event.ts";
import { OAuthMonitoringError } from "../errors/oauth-monitoring-error.ts";
import { type CallLimits, inCalls } from "../sdk/call-batches.ts";
import { type SendAgainOptions, sendAgain } from "../sdk/send-again.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { EventSink } from "./event-sink.ts";

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
export interface EventPublisherOptions extends SendAgainOptions {
  readonly eventBridge: EventBridgeClient;
  readonly eventBusName: string;
  /** Without it, events that the bus does not take are reported by `PublishError`. */
  readonly setAside?: SetAside | undefined;
  readonly logger: Logger;
  /** X-Ray's header of the work at hand, by which a trace goes on from the bus to its targets. */
  readonly traceHeader?: (() => string | undefined) | undefined;
}

/** Events that the bus did not take and that nothing set aside. */
export class PublishError extends OAuthMonitoringError {
  override readonly name = "PublishError";

  constructor(
    readonly events: readonly OAuthEvent[],
    cause: unknown,
  ) {
    super(`${events.length} event(s) could not be published: ${String(cause)}`, { cause });
  }
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

/**
 * Publishes to EventBridge, retrying each entry that fails by itself (PutEvents can fail in part, and
 * the SDK does not retry that). What still fails is set aside; what cannot be set aside is written
 * whole to the error log, the last place it can be recovered from.
 */
export function createEventPublisher(options: EventPublisherOptions): EventSink {
  const { eventBridge, eventBusName, setAside, logger, traceHeader } = options;

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

  async function put(events: readonly OAuthEvent[]): Promise<void> {
    const [failed, cause] = await sendAgain(events, putOnce, options);
    if (failed.length === 0) return;
    if (!setAside) throw new PublishError(failed, cause);
    try {
      await setAside.keep(failed);
      logger.warn("The event bus did not take the events; they are set aside", {
        count: failed.length,
        cause: String(cause),
      });
    } catch (error) {
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
