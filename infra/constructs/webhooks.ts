import { Duration, type RemovalPolicy } from "aws-cdk-lib";
import { type EventBus, Rule } from "aws-cdk-lib/aws-events";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { EVENTS_TARGET_QUEUE_SAME_ACCOUNT } from "aws-cdk-lib/cx-api";
import { Construct } from "constructs";
import { NOTICE_TYPES, type WebhookConfig } from "../../shared/config/notification-parameters.ts";
import { detailType, EVENT_SOURCE } from "../../shared/events/oauth-event.ts";
import { encryptedQueueProps } from "./encrypted-storage.ts";
import { SIGNAL_TIMEOUT } from "./function-table.ts";
import type { Functions } from "./functions.ts";
import { addTargetWithRetries, alarmUndelivered } from "./undelivered.ts";

/** Maximum calls to a webhook per notification. With delays that grow to one hour, 30 calls take most of a day. */
const TRIES = 30;

export interface WebhooksProps {
  readonly webhooks: readonly WebhookConfig[];
  readonly functions: Functions;
  readonly bus: EventBus;
  /** Encrypts the queues. */
  readonly key: IKey;
  readonly removalPolicy: RemovalPolicy;
  /** Receives the alarm. Undefined for no alarm. */
  readonly alarmTopic: ITopic | undefined;
}

/**
 * Sends alerts and actions to webhooks. Each webhook has its own queue. All undeliverable notifications go to one
 * shared queue.
 */
export class Webhooks extends Construct {
  /** Notifications that a webhook never accepted. */
  readonly undelivered: Queue;

  constructor(scope: Construct, id: string, props: WebhooksProps) {
    super(scope, id);
    // As in `EventFlow`: without this flag, EventBridge could send to the queues on behalf of any account.
    this.node.setContext(EVENTS_TARGET_QUEUE_SAME_ACCOUNT, true);
    const { webhooks, functions, bus, key, removalPolicy, alarmTopic } = props;
    const encrypted = encryptedQueueProps(key, removalPolicy);
    this.undelivered = new Queue(this, "Undelivered", encrypted);
    const queues = webhooks.map(
      ({ name }) =>
        new Queue(this, `${name}Queue`, {
          ...encrypted,
          visibilityTimeout: Duration.seconds(6 * SIGNAL_TIMEOUT.toSeconds()),
          deadLetterQueue: { queue: this.undelivered, maxReceiveCount: TRIES },
        }),
    );
    new Rule(this, "Notified", {
      description: "Delivers alerts and actions to the webhook queues",
      eventBus: bus,
      eventPattern: {
        source: [EVENT_SOURCE],
        detailType: Object.keys(NOTICE_TYPES).map(detailType),
      },
      targets: queues.map((queue) => addTargetWithRetries(queue, this.undelivered)),
    });
    const caller = functions.get("Webhook");
    caller.addEnvironment("WEBHOOK_QUEUE_URLS", queues.map(({ queueUrl }) => queueUrl).join(","));
    for (const queue of queues) {
      caller.addEventSource(
        new SqsEventSource(queue, {
          batchSize: 10,
          maxConcurrency: 2,
          reportBatchItemFailures: true,
        }),
      );
    }
    alarmUndelivered(
      this,
      this.undelivered,
      "A webhook rejected some alerts or actions on every attempt. Check the queue Undelivered and the log of Webhook",
      alarmTopic,
    );
  }
}
