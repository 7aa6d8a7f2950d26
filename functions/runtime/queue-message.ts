import { ChangeMessageVisibilityCommand, type SQSClient } from "@aws-sdk/client-sqs";
import type { SQSRecord } from "aws-lambda";
import * as z from "zod";
import { type OAuthEvent, oauthEventSchema } from "../../shared/events/oauth-event.ts";
import { getRejectionReason } from "../../shared/events/redact-text.ts";
import { logger } from "./logger.ts";

const messageSchema = z.looseObject({ detail: oauthEventSchema });

/** Returns the event in a queue message from the bus, or undefined if it is invalid; retrying wouldn't help. */
export function eventInMessage(body: string): OAuthEvent | undefined {
  try {
    return messageSchema.parse(JSON.parse(body)).detail;
  } catch (error) {
    logger.error("A message is not an event", { cause: getRejectionReason(error) });
    return undefined;
  }
}

/** Delay of the first retry. It doubles with each retry, up to the maximum. */
const FIRST_SECONDS = 5;
const LONGEST_SECONDS = 3600;

/**
 * Postpones a message with exponential backoff: 5 seconds, 10, 20 … up to an hour, of which jitter removes up to half.
 * Never throws. If SQS rejects the change, the queue's visibility timeout applies.
 */
export async function postpone(
  sqs: SQSClient,
  queueUrl: string,
  { receiptHandle, attributes }: SQSRecord,
): Promise<void> {
  const count = Number(attributes.ApproximateReceiveCount);
  const longest = Math.min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** Math.min(20, count - 1));
  try {
    await sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: queueUrl,
        ReceiptHandle: receiptHandle,
        VisibilityTimeout: Math.ceil(longest * (0.5 + Math.random() / 2)),
      }),
    );
  } catch (error) {
    logger.warn(
      "The visibility timeout of a message could not be changed; it is redelivered after the queue's default",
      { cause: String(error) },
    );
  }
}
