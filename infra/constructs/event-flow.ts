import { Duration } from "aws-cdk-lib";
import { Archive, EventBus, Rule } from "aws-cdk-lib/aws-events";
import { SqsQueue } from "aws-cdk-lib/aws-events-targets";
import type { Key } from "aws-cdk-lib/aws-kms";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { MonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { EVENT_SOURCE } from "../../shared/events/oauth-event.ts";

/** Seconds an invocation of the subscriber or republisher may take. */
export const CONSUMER_TIMEOUT = Duration.seconds(60);

/** AWS asks for six times the consumer's timeout: a batch must not reappear while it is being stored. */
const VISIBILITY_TIMEOUT = Duration.seconds(6 * CONSUMER_TIMEOUT.toSeconds());

/** SQS keeps a message at most this long. */
const LONGEST = Duration.days(14);

/**
 * The bus, the rule that gathers our events in a buffer queue for the subscriber, the queue where
 * events wait while the bus does not take them, and the dead-letter queue where all ends up that
 * cannot be stored.
 */
export class EventFlow extends Construct {
  readonly bus: EventBus;
  readonly buffer: Queue;
  readonly unpublished: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, config: MonitoringConfig, key: Key) {
    super(scope, id);
    const encrypted = {
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: key,
      enforceSSL: true,
      retentionPeriod: LONGEST,
    };
    this.deadLetters = new Queue(this, "DeadLetters", encrypted);
    this.buffer = new Queue(this, "Buffer", {
      ...encrypted,
      visibilityTimeout: VISIBILITY_TIMEOUT,
      deadLetterQueue: {
        queue: this.deadLetters,
        maxReceiveCount: config.subscriber.maxReceiveCount,
      },
    });
    this.unpublished = new Queue(this, "Unpublished", {
      ...encrypted,
      // Each return to the queue is one more try to publish; short, since the bus recovers soon.
      visibilityTimeout: Duration.seconds(30),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: 1000 },
    });

    this.bus = new EventBus(this, "Bus", { description: "OAuth events of every producer" });
    const eventPattern = { source: [EVENT_SOURCE] };
    new Archive(this, "Archive", {
      sourceEventBus: this.bus,
      eventPattern,
      description: "For the replay of OAuth events",
      retention: Duration.days(30),
    });
    new Rule(this, "Stored", {
      description: "Brings every OAuth event to the subscriber's buffer",
      eventBus: this.bus,
      eventPattern,
      targets: [
        new SqsQueue(this.buffer, {
          deadLetterQueue: this.deadLetters,
          maxEventAge: Duration.hours(24),
          retryAttempts: 185,
        }),
      ],
    });
  }
}
