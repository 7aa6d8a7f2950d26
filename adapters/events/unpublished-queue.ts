import { SQSClient } from "@aws-sdk/client-sqs";
import { giveUpAfter } from "../../shared/core/request-timeouts.ts";
import type { SetAside } from "../../shared/events/event-publisher.ts";
import { createUnpublishedQueue } from "../../shared/events/unpublished-queue.ts";

/**
 * The SQS queue for events that are set aside. The build makes it a separate file next to the bundle, which is
 * loaded only when the bus fails. So it does not slow down a cold start.
 */
export function openUnpublishedQueue(queueUrl: string): SetAside {
  const sqs = new SQSClient({ maxAttempts: 2, requestHandler: giveUpAfter(1000) });
  return createUnpublishedQueue({ sqs, queueUrl });
}
