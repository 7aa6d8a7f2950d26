import { SQSClient } from "@aws-sdk/client-sqs";
import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { readEnvironment } from "../../shared/config/environment.ts";
import { giveUpAfter } from "../../shared/core/aws-calls.ts";
import { transmitEvent } from "../../shared/integrations/shared-signals/transmit.ts";
import { logger, logLambdaContext } from "../runtime/logger.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { eventInMessage, postpone } from "../runtime/queue-message.ts";
import { createSetTransmitter } from "../runtime/set-transmitter.ts";

const { OAUTH_MONITORING_STACK, SIGNAL_EVENT_QUEUE_URL } = readEnvironment(process.env, [
  "OAUTH_MONITORING_STACK",
  "SIGNAL_EVENT_QUEUE_URL",
]);
const metrics = createMetrics("signal-transmitter", OAUTH_MONITORING_STACK);
const sqs = new SQSClient({ requestHandler: giveUpAfter(3000) });
const transmitter = createSetTransmitter();

/** Creates SETs from alerts and actions for every stream that requests them. */
export const handler = middy<SQSEvent, SQSBatchResponse>()
  .use(logLambdaContext())
  .handler(async ({ Records }) => {
    const batchItemFailures: { itemIdentifier: string }[] = [];
    // Runs sequentially, so that each stream receives SETs in the order of the events.
    for (const record of Records) {
      const event = eventInMessage(record.body);
      try {
        if (event) await transmitEvent(transmitter, event);
      } catch (error) {
        logger.error("An event could not be transmitted; it will be retried", {
          event_id: event?.id,
          cause: String(error),
        });
        await postpone(sqs, SIGNAL_EVENT_QUEUE_URL, record);
        batchItemFailures.push({ itemIdentifier: record.messageId });
      }
    }
    metrics.count("EventsTransmitted", Records.length - batchItemFailures.length);
    metrics.count("EventsRetried", batchItemFailures.length);
    metrics.publish();
    return { batchItemFailures };
  });
