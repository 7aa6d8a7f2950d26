import { SQSClient } from "@aws-sdk/client-sqs";
import { giveUpAfter } from "../../shared/core/request-timeouts.ts";
import type { SetAside } from "../../shared/events/event-publisher.ts";
import { createUnpublishedQueue } from "../../shared/events/unpublished-queue.ts";

/**
 * Opens the SQS queue for spooled events. To keep cold starts short, the build puts this code into a separate file that
 * is loaded only if the bus fails.
 */
export function openUnpublishedQueue(queueUrl: string): SetAside {
  const sqs = new SQSClient({ maxAttempts: 2, requestHandler: giveUpAfter(1000) });
  return createUnpublishedQueue({ sqs, queueUrl });
}
