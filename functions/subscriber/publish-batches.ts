import type { SQSRecord } from "aws-lambda";
import type { Clock } from "../../shared/core/clock.ts";
import type { Logger } from "../../shared/core/telemetry.ts";
import { type EventSink, publishInBatches } from "../../shared/events/event-sink.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";

/** A batch of a provider's events in a single bus message. */
interface ProviderBatch {
  readonly record: SQSRecord;
  readonly events: readonly OAuthEvent[];
}

/** Dependencies of `publishBatches`. */
export interface BatchPublisher {
  /** Opens the bus to which the records are published. */
  readonly openSink: () => Promise<EventSink>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Publishes each record of the batches as a separate event, so that it is stored, exported and archived like any other.
 * Event IDs are derived from the batch, so a record that is published twice is still stored as one event.
 *
 * @param deadlineMs end of publishing in epoch milliseconds
 * @returns the messages to deliver again
 */
export async function publishBatches(
  { openSink, clock, logger }: BatchPublisher,
  batches: readonly ProviderBatch[],
  deadlineMs: number,
): Promise<SQSRecord[]> {
  const retries: SQSRecord[] = [];
  for (const { record, events } of batches) {
    try {
      await publishInBatches(await openSink(), events, () => {
        if (clock() >= deadlineMs) throw new Error("no time left before the deadline");
      });
    } catch (error) {
      logger.warn("Some records of a batch could not be published; the batch will be retried", {
        message_id: record.messageId,
        cause: String(error),
      });
      retries.push(record);
    }
  }
  return retries;
}
