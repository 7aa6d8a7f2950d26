import { SQSClient } from "@aws-sdk/client-sqs";
import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { readEnvironment } from "../../shared/config/environment.ts";
import { systemClock } from "../../shared/core/clock.ts";
import { giveUpAfter } from "../../shared/core/request-timeouts.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { type Notice, noticeOf } from "../../shared/response/notice.ts";
import { sendWebhook } from "../../shared/response/send-webhook.ts";
import { linkMaker } from "../runtime/approval-links.ts";
import { eventInMessage } from "../runtime/bus-message.ts";
import { logger, logLambdaContext } from "../runtime/logger.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { postpone } from "../runtime/postpone.ts";
import { secretText } from "../runtime/secret-text.ts";

const environment = readEnvironment(process.env, [
  "OAUTH_MONITORING_CONFIG",
  "OAUTH_MONITORING_STACK",
  "WEBHOOK_QUEUE_URLS",
]);
const { OAUTH_MONITORING_CONFIG, WEBHOOK_QUEUE_URLS: queueUrls } = environment;
const metrics = createMetrics("webhook", environment.OAUTH_MONITORING_STACK);
const { webhooks } = OAUTH_MONITORING_CONFIG.notifications;
const sqs = new SQSClient({ requestHandler: giveUpAfter(3000) });

/** The queue's name, at the end of its ARN and of its address. */
const nameIn = (text: string, separator: string) => text.split(separator).at(-1);

/** The webhook to which a queue belongs: each has a queue, so that one that is down keeps no other waiting. */
function queueOf({ eventSourceARN }: SQSRecord) {
  const name = nameIn(eventSourceARN, ":");
  const index = queueUrls.findIndex((url) => nameIn(url, "/") === name);
  return { name, webhook: webhooks[index], queueUrl: queueUrls[index] };
}

const makeLink = linkMaker();

/** Where the webhook's people can decide about an action that waits; the same link at every attempt. */
async function linkOf(event: OAuthEvent, webhook: string): Promise<string | undefined> {
  const { action_id } = event.event_data;
  if (event.event_type !== "action_proposed" || typeof action_id !== "string") return undefined;
  return makeLink({ action_id, requested_at: event.occurred_at }, webhook);
}

async function call(record: SQSRecord): Promise<boolean> {
  const { name, webhook, queueUrl } = queueOf(record);
  const event = eventInMessage(record.body);
  if (!event) return true;
  try {
    if (!noticeOf(event)) return true;
    if (!webhook) throw new Error(`the queue ${name} has no webhook`);
    const notice = noticeOf(event, await linkOf(event, webhook.name)) as Notice;
    await sendWebhook(webhook, await secretText(webhook.secretArn), notice, systemClock());
    return true;
  } catch (error) {
    logger.warn("A webhook was not taken; it is called again later", {
      event_id: event.id,
      receive_count: record.attributes.ApproximateReceiveCount,
      cause: String(error),
    });
    if (queueUrl !== undefined) await postpone(sqs, queueUrl, record);
    return false;
  }
}

/** Tells webhooks of alerts and actions. */
export const handler = middy<SQSEvent, SQSBatchResponse>()
  .use(logLambdaContext())
  .handler(async ({ Records }) => {
    const taken = await Promise.all(Records.map(call));
    const failed = Records.filter((_, index) => !taken[index]);
    metrics.count("NoticesTaken", Records.length - failed.length);
    metrics.count("NoticesRetried", failed.length);
    metrics.publish();
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  });
