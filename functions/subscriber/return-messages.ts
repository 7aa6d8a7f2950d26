import { ChangeMessageVisibilityBatchCommand, type SQSClient } from "@aws-sdk/client-sqs";
import type { SQSRecord } from "aws-lambda";

/** The most entries of one call. */
const ENTRIES = 10;

/** When a message comes again for the first time; doubled each time, to the longest. */
const FIRST_SECONDS = 5;
const LONGEST_SECONDS = 320;

/**
 * When a message comes again, by how often it was received: between half and all of 5 seconds, 10, 20 …, so
 * that those that met once do not meet again.
 */
export function returnAfterSeconds(receiveCount: number, random: () => number): number {
  const longest = Math.min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** Math.max(0, receiveCount - 1));
  return Math.ceil(longest * (0.5 + random() / 2));
}

/**
 * Has the queue bring messages again soon, rather than after its visibility timeout of minutes. Messages in
 * flight are limited, and a queue at the limit brings none.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
 *
 * @returns how many messages wait for the timeout, because the queue refused the change
 * @throws the SDK's error when the queue does not answer
 */
export async function returnMessages(
  sqs: SQSClient,
  queueUrl: string,
  records: readonly SQSRecord[],
): Promise<number> {
  let refused = 0;
  for (let first = 0; first < records.length; first += ENTRIES) {
    const { Failed = [] } = await sqs.send(
      new ChangeMessageVisibilityBatchCommand({
        QueueUrl: queueUrl,
        Entries: records.slice(first, first + ENTRIES).map((record, index) => ({
          Id: String(index),
          ReceiptHandle: record.receiptHandle,
          VisibilityTimeout: returnAfterSeconds(
            Number(record.attributes.ApproximateReceiveCount),
            Math.random,
          ),
        })),
      }),
    );
    refused += Failed.length;
  }
  return refused;
}
