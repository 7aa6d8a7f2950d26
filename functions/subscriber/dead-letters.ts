import { SendMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { MAX_REASON } from "../../shared/events/refusal-reason.ts";

/** Characters that SQS does not take in an attribute. */
const UNSENDABLE = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd]/g;

/** Sets a message aside, untouched, with the reason it cannot be stored beside it. */
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
