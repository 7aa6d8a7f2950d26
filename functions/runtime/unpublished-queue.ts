import { SQSClient } from "@aws-sdk/client-sqs";
import { giveUpAfter } from "../../shared/sdk/request-timeouts.ts";
import type { SetAside } from "../../shared/tracking/event-publisher.ts";
import { createUnpublishedQueue } from "../../shared/tracking/unpublished-queue.ts";

/**
 * The SQS queue as the place to set events aside. A file of its own beside the bundle: it is loaded when
 * the bus fails, and a cold start does not pay for it.
 */
export function openUnpublishedQueue(queueUrl: string): SetAside {
  const sqs = new SQSClient({ maxAttempts: 2, requestHandler: giveUpAfter(2000) });
  return createUnpublishedQueue({ sqs, queueUrl });
}
