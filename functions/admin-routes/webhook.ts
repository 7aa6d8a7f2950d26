import { SQSClient } from "@aws-sdk/client-sqs";
import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import { giveUpAfter } from "../../shared/core/aws-calls.ts";
import { systemClock } from "../../shared/core/clock.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { type Notice, toNotice } from "../../shared/response/notice.ts";
import { sendWebhook } from "../../shared/response/send-webhook.ts";
import { linkMaker } from "../runtime/approval-links.ts";
import { logger, logLambdaContext } from "../runtime/logger.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { eventInMessage, postpone } from "../runtime/queue-message.ts";
import { secretText } from "../runtime/secret-text.ts";

const environment = readEnvironment(withConfigFile(process.env), [
  "OAUTH_MONITORING_CONFIG",
  "OAUTH_MONITORING_STACK",
  "WEBHOOK_QUEUE_URLS",
]);
const { OAUTH_MONITORING_CONFIG, WEBHOOK_QUEUE_URLS: queueUrls } = environment;
const metrics = createMetrics("webhook", environment.OAUTH_MONITORING_STACK);
const { webhooks } = OAUTH_MONITORING_CONFIG.notifications;
const sqs = new SQSClient({ requestHandler: giveUpAfter(3000) });

/** Returns the queue name at the end of an ARN or URL. */
const nameIn = (text: string, separator: string) => text.split(separator).at(-1);

/**
 * Returns the webhook that a queue belongs to. Each webhook has its own queue, so that an unavailable webhook doesn't
 * delay others.
 */
function getQueue({ eventSourceARN }: SQSRecord) {
  const name = nameIn(eventSourceARN, ":");
  const index = queueUrls.findIndex((url) => nameIn(url, "/") === name);
  return { name, webhook: webhooks[index], queueUrl: queueUrls[index] };
}

const makeLink = linkMaker();

/** Returns the approval link for a proposed action. Every delivery attempt sends the same link. */
async function createApprovalLink(event: OAuthEvent, webhook: string): Promise<string | undefined> {
  const { action_id } = event.event_data;
  if (event.event_type !== "action_proposed" || typeof action_id !== "string") return undefined;
  return makeLink({ action_id, requested_at: event.occurred_at }, webhook);
}

async function call(record: SQSRecord): Promise<boolean> {
  const { name, webhook, queueUrl } = getQueue(record);
  const event = eventInMessage(record.body);
  if (!event) return true;
  try {
    if (!toNotice(event)) return true;
    if (!webhook) throw new Error(`no webhook is configured for the queue ${name}`);
    const notice = toNotice(event, await createApprovalLink(event, webhook.name)) as Notice;
    await sendWebhook(webhook, await secretText(webhook.secretArn), notice, systemClock());
    return true;
  } catch (error) {
    logger.warn("A webhook call failed; it will be retried", {
      event_id: event.id,
      receive_count: record.attributes.ApproximateReceiveCount,
      cause: String(error),
    });
    if (queueUrl !== undefined) await postpone(sqs, queueUrl, record);
    return false;
  }
}

/** Sends alerts and actions to webhooks. */
export const handler = middy<SQSEvent, SQSBatchResponse>()
  .use(logLambdaContext())
  .handler(async ({ Records }) => {
    const delivered = await Promise.all(Records.map(call));
    const failed = Records.filter((_, index) => !delivered[index]);
    metrics.count("NoticesDelivered", Records.length - failed.length);
    metrics.count("NoticesRetried", failed.length);
    metrics.publish();
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  });
