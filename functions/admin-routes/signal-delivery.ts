import { SQSClient } from "@aws-sdk/client-sqs";
import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import * as z from "zod";
import { readEnvironment } from "../../shared/config/environment.ts";
import { giveUpAfter } from "../../shared/core/aws-calls.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import {
  deliverSet,
  type SetDelivery,
} from "../../shared/integrations/shared-signals/deliver-set.ts";
import { logger, logLambdaContext } from "../runtime/logger.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { postpone } from "../runtime/queue-message.ts";
import { kmsSigningKeys, kmsUnseal } from "../runtime/signing-keys.ts";

const environment = readEnvironment(process.env, [
  "SIGNALS_TABLE",
  "SIGNAL_ISSUER",
  "SIGNING_KEY_ARNS",
  "SEALING_KEY_ARN",
  "SIGNAL_PUSH_QUEUE_URL",
  "OAUTH_MONITORING_STACK",
]);
const metrics = createMetrics("signal-delivery", environment.OAUTH_MONITORING_STACK);
const sqs = new SQSClient({ requestHandler: giveUpAfter(3000) });
const delivery: SetDelivery = {
  store: { db: createDocumentClient("background"), signalsTable: environment.SIGNALS_TABLE },
  keys: kmsSigningKeys(environment.SIGNING_KEY_ARNS),
  issuer: environment.SIGNAL_ISSUER,
  unseal: kmsUnseal(environment.SEALING_KEY_ARN),
};

const pushSchema = z.object({ stream_id: z.string(), jti: z.string(), made_at_ms: z.number() });

async function push(record: SQSRecord): Promise<boolean> {
  try {
    await deliverSet(delivery, pushSchema.parse(JSON.parse(record.body)));
    return true;
  } catch (error) {
    logger.warn("A SET could not be delivered; it will be retried", {
      push: record.body,
      receive_count: record.attributes.ApproximateReceiveCount,
      cause: String(error),
    });
    await postpone(sqs, environment.SIGNAL_PUSH_QUEUE_URL, record);
    return false;
  }
}

/** Pushes SETs to receivers in parallel, so that an unresponsive receiver doesn't delay others. */
export const handler = middy<SQSEvent, SQSBatchResponse>()
  .use(logLambdaContext())
  .handler(async ({ Records }) => {
    const delivered = await Promise.all(Records.map(push));
    const failed = Records.filter((_, index) => !delivered[index]);
    metrics.count("SetsPushed", Records.length - failed.length);
    metrics.count("PushesRetried", failed.length);
    metrics.publish();
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  });
