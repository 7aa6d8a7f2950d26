import {
  ChangeMessageVisibilityBatchCommand,
  SendMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import type { SQSRecord } from "aws-lambda";
import { MAX_REASON } from "../../shared/events/redact-text.ts";

/** Maximum entries per call. */
const ENTRIES = 10;

/** Delay of the first retry. It doubles with each retry, up to the maximum. */
const FIRST_SECONDS = 5;
const LONGEST_SECONDS = 320;

/**
 * Returns the delay before a message is retried: 5 seconds, 10, 20 …, of which jitter removes up to half. The jitter
 * separates messages that conflicted with each other.
 */
export function returnAfterSeconds(receiveCount: number, random: () => number): number {
  const longest = Math.min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** Math.max(0, receiveCount - 1));
  return Math.ceil(longest * (0.5 + random() / 2));
}

/**
 * Shortens the visibility timeout, so that messages return within seconds instead of minutes. This also keeps the
 * number of messages in flight low: a queue that reaches SQS's limit delivers no messages.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
 *
 * @returns number of messages whose timeout couldn't be changed
 * @throws the SDK's error if SQS doesn't respond
 */
export async function returnMessages(
  sqs: SQSClient,
  queueUrl: string,
  records: readonly SQSRecord[],
): Promise<number> {
  let rejected = 0;
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
    rejected += Failed.length;
  }
  return rejected;
}

/** Characters that SQS rejects in an attribute. */
const UNSENDABLE = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd]/g;

/** Sends an unchanged message to the dead-letter queue, with the reason as an attribute. */
export async function sendDeadLetter(
  sqs: SQSClient,
  queueUrl: string,
  body: string,
  reason: string,
): Promise<void> {
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: queueUrl,
      MessageBody: body,
      MessageAttributes: {
        reason: {
          DataType: "String",
          StringValue: reason.replace(UNSENDABLE, "?").slice(0, MAX_REASON),
        },
      },
    }),
  );
}
