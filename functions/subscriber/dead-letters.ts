import { SendMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { MAX_REASON } from "../../shared/events/redact-text.ts";

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
