import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import * as z from "zod";
import { oauthEventSchema } from "../../shared/envelope/oauth-event.ts";
import { refusalReason } from "../../shared/envelope/refusal-reason.ts";
import { transmitEvent } from "../../shared/shared-signals/transmit.ts";
import { logger, logLambdaContext } from "../runtime/logger.ts";
import { createSetTransmitter } from "../runtime/set-transmitter.ts";

const transmitter = createSetTransmitter();

const messageSchema = z.looseObject({ detail: oauthEventSchema });

/** Our event in a message of the bus; undefined for what is none, which no try will make one. */
function eventOf(body: string) {
  try {
    return messageSchema.parse(JSON.parse(body)).detail;
  } catch (error) {
    logger.error("A message is no event", { cause: refusalReason(error) });
    return undefined;
  }
}

/** Makes SETs of our alerts and actions, for every stream that has them. */
export const handler = middy<SQSEvent, SQSBatchResponse>()
  .use(logLambdaContext())
  .handler(async ({ Records }) => {
    const batchItemFailures: { itemIdentifier: string }[] = [];
    // In order, so that the SETs of a stream are as their events were.
    for (const { messageId, body } of Records) {
      const event = eventOf(body);
      try {
        if (event) await transmitEvent(transmitter, event);
      } catch (error) {
        logger.error("An event could not be transmitted; the next delivery tries again", {
          event_id: event?.id,
          cause: String(error),
        });
        batchItemFailures.push({ itemIdentifier: messageId });
      }
    }
    return { batchItemFailures };
  });
