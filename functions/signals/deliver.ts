import { ChangeMessageVisibilityCommand, SQSClient } from "@aws-sdk/client-sqs";
import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import * as z from "zod";
import { readEnvironment } from "../../shared/config/environment.ts";
import { createDocumentClient } from "../../shared/dynamodb/document-client.ts";
import { giveUpAfter } from "../../shared/sdk/request-timeouts.ts";
import { deliverSet, type SetDelivery } from "../../shared/shared-signals/deliver-set.ts";
import { logger, logLambdaContext } from "../runtime/logger.ts";
import { kmsSigningKeys, kmsUnseal } from "../runtime/signing-keys.ts";

const environment = readEnvironment(process.env, [
  "SIGNALS_TABLE",
  "SIGNAL_ISSUER",
  "SIGNING_KEY_ARNS",
  "SEALING_KEY_ARN",
  "SIGNAL_PUSH_QUEUE_URL",
]);
const sqs = new SQSClient({ requestHandler: giveUpAfter(3000) });
const delivery: SetDelivery = {
  store: { db: createDocumentClient("background"), signalsTable: environment.SIGNALS_TABLE },
  keys: kmsSigningKeys(environment.SIGNING_KEY_ARNS),
  issuer: environment.SIGNAL_ISSUER,
  unseal: kmsUnseal(environment.SEALING_KEY_ARN),
};

const pushSchema = z.object({ stream_id: z.string(), jti: z.string(), made_at_ms: z.number() });

/** When a SET is pushed again: after 5 seconds, 10, 20 …, at most an hour. */
const FIRST_SECONDS = 5;
const LONGEST_SECONDS = 3600;

/** Has the queue bring a message again later, the later the more often it came. */
async function postpone({ receiptHandle, attributes }: SQSRecord): Promise<void> {
  const count = Number(attributes.ApproximateReceiveCount);
  const longest = Math.min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** Math.min(20, count - 1));
  await sqs.send(
    new ChangeMessageVisibilityCommand({
      QueueUrl: environment.SIGNAL_PUSH_QUEUE_URL,
      ReceiptHandle: receiptHandle,
      VisibilityTimeout: Math.ceil(longest * (0.5 + Math.random() / 2)),
    }),
  );
}

async function push(record: SQSRecord): Promise<boolean> {
  try {
    await deliverSet(delivery, pushSchema.parse(JSON.parse(record.body)));
    return true;
  } catch (error) {
    logger.warn("A SET was not delivered; it is pushed again later", {
      push: record.body,
      receive_count: record.attributes.ApproximateReceiveCount,
      cause: String(error),
    });
    // Without it, the queue's own timeout counts.
    await postpone(record).catch((cause: unknown) => {
      logger.warn("The queue did not postpone a push", { cause: String(cause) });
    });
    return false;
  }
}

/** Pushes SETs to their receivers, side by side: one that does not answer holds up no other. */
export const handler = middy<SQSEvent, SQSBatchResponse>()
  .use(logLambdaContext())
  .handler(async ({ Records }) => {
    const delivered = await Promise.all(Records.map(push));
    const failed = Records.filter((_, index) => !delivered[index]);
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  });
