import type { SQSRecord } from "aws-lambda";
import type { Clock } from "../../shared/core/clock.ts";
import type { Logger } from "../../shared/core/logger.ts";
import { type EventSink, publishInTurn } from "../../shared/events/event-sink.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";

/** A provider's batch that somebody put on the bus whole. */
export interface ProviderBatch {
  readonly record: SQSRecord;
  readonly events: readonly OAuthEvent[];
}

/** What publishing works with. */
export interface BatchPublisher {
  /** Opens the bus, to which the records of a provider's batch return as events. */
  readonly openSink: () => Promise<EventSink>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Publishes the records of batches as events of their own, so that they are stored, exported and archived like any
 * others. Their ids follow from the batch: whatever is published twice is one event.
 *
 * @param deadlineMs when publishing ends, epoch milliseconds
 * @returns the messages that must come again
 */
export async function publishBatches(
  { openSink, clock, logger }: BatchPublisher,
  batches: readonly ProviderBatch[],
  deadlineMs: number,
): Promise<SQSRecord[]> {
  const again: SQSRecord[] = [];
  for (const { record, events } of batches) {
    try {
      await publishInTurn(await openSink(), events, () => {
        if (clock() >= deadlineMs) throw new Error("no time was left");
      });
    } catch (error) {
      logger.warn("The records of a batch are not all on the bus; the batch comes again", {
        message_id: record.messageId,
        cause: String(error),
      });
      again.push(record);
    }
  }
  return again;
}
