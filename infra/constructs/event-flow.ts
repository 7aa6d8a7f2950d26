import { Duration, Names, type RemovalPolicy } from "aws-cdk-lib";
import { Archive, EventBus, Rule } from "aws-cdk-lib/aws-events";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { EVENTS_TARGET_QUEUE_SAME_ACCOUNT } from "aws-cdk-lib/cx-api";
import { Construct } from "constructs";
import type { MonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { getEventSource } from "../../shared/config/provider-parameters.ts";
import { EVENT_SOURCE } from "../../shared/events/oauth-event.ts";
import { ENTRA_SOURCE } from "../../shared/integrations/providers/entra.ts";
import { KEYCLOAK_SOURCE } from "../../shared/integrations/providers/keycloak.ts";
import { PING_SOURCE } from "../../shared/integrations/providers/ping.ts";
import { encryptedQueueProps } from "./encrypted-storage.ts";
import { addTargetWithRetries } from "./undelivered.ts";

/** Timeout of the subscriber function. */
export const SUBSCRIBER_TIMEOUT = Duration.seconds(60);

/** Timeout of the republisher function. */
export const REPUBLISHER_TIMEOUT = Duration.seconds(25);

/**
 * AWS recommends six times the consumer's timeout plus the batch window. With a shorter visibility timeout, a message
 * could be delivered again while it waits for its batch.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
const visibilityTimeout = ({ subscriber }: MonitoringConfig) =>
  Duration.seconds(6 * SUBSCRIBER_TIMEOUT.toSeconds() + subscriber.batchWindowSeconds);

/** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateArchive.html */
const MAX_ARCHIVE_NAME = 48;

export interface EventFlowProps {
  readonly config: MonitoringConfig;
  /** Encrypts the queues and the archive. */
  readonly key: IKey;
  /** Removal policy of the queues. */
  readonly removalPolicy: RemovalPolicy;
}

/**
 * The event bus, the rules that send its events to the subscriber's buffer queue, and the queue for events that the
 * bus didn't accept. Both queues have a dead-letter queue.
 */
export class EventFlow extends Construct {
  readonly bus: EventBus;
  readonly buffer: Queue;
  readonly unpublished: Queue;
  /** Bus messages that couldn't be stored. */
  readonly deadLetters: Queue;
  /** Spooled events that the bus never accepted. */
  readonly unpublishable: Queue;
  /** The archive of the bus, for replays. Undefined if the configuration disables it. */
  readonly archive: Archive | undefined;
  /** Sends the events of the bus to the buffer queue. */
  readonly stored: Rule;
  /** All rules that send events to the buffer queue, on any bus. */
  readonly rules: readonly Rule[];

  constructor(scope: Construct, id: string, { config, key, removalPolicy }: EventFlowProps) {
    super(scope, id);
    // By default, CDK lets EventBridge send to an encrypted queue on behalf of any account. The flag is set here
    // because the app that uses this construct has its own feature flags.
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    this.node.setContext(EVENTS_TARGET_QUEUE_SAME_ACCOUNT, true);
    const encrypted = encryptedQueueProps(key, removalPolicy);
    this.deadLetters = new Queue(this, "DeadLetters", encrypted);
    this.buffer = new Queue(this, "Buffer", {
      ...encrypted,
      visibilityTimeout: visibilityTimeout(config),
      deadLetterQueue: {
        queue: this.deadLetters,
        maxReceiveCount: config.subscriber.maxReceiveCount,
      },
    });
    this.unpublishable = new Queue(this, "Unpublishable", encrypted);
    this.unpublished = new Queue(this, "Unpublished", {
      ...encrypted,
      // 1,000 attempts cover a bus outage of more than a day and a half.
      visibilityTimeout: Duration.seconds(6 * REPUBLISHER_TIMEOUT.toSeconds()),
      deadLetterQueue: { queue: this.unpublishable, maxReceiveCount: 1000 },
    });

    // CDK's default name uses construct IDs, which two stacks can share. This name includes the stack name.
    const uniqueName = (maxLength: number) =>
      Names.uniqueResourceName(this, { separator: "-", maxLength });
    this.bus = new EventBus(this, "Bus", {
      eventBusName: uniqueName(256),
      description: "OAuth events from all producers",
    });
    const { mappings } = config.providers;
    const mapped = mappings.filter(({ partnerEventBus }) => partnerEventBus === undefined);
    const eventPattern = {
      source: [
        EVENT_SOURCE,
        KEYCLOAK_SOURCE,
        ENTRA_SOURCE,
        PING_SOURCE,
        ...mapped.map(getEventSource),
      ],
    };
    if (config.archive.enabled) {
      this.archive = new Archive(this, "Archive", {
        archiveName: uniqueName(MAX_ARCHIVE_NAME),
        sourceEventBus: this.bus,
        eventPattern,
        description: "Archives OAuth events for replays",
        retention: Duration.days(config.archive.retentionDays),
        kmsKey: key,
      });
    }
    const toBuffer = () => addTargetWithRetries(this.buffer, this.deadLetters);
    this.stored = new Rule(this, "Stored", {
      description: "Delivers all OAuth events to the subscriber's queue",
      eventBus: this.bus,
      eventPattern,
      targets: [toBuffer()],
    });
    const rules = [this.stored];
    const partnerBuses = new Set([
      ...config.providers.partnerEventBuses,
      ...mappings.flatMap(({ partnerEventBus }) => partnerEventBus ?? []),
    ]);
    for (const [index, name] of [...partnerBuses].entries()) {
      rules.push(
        new Rule(this, `Partner${index}`, {
          description: "Delivers an identity provider's events to the subscriber's queue",
          eventBus: EventBus.fromEventBusName(this, `PartnerBus${index}`, name),
          eventPattern: { source: [name] },
          targets: [toBuffer()],
        }),
      );
    }
    if (config.providers.cognito) {
      // AWS services put their events on the default bus.
      rules.push(
        new Rule(this, "Cognito", {
          description: "Delivers Cognito API calls to the subscriber's queue",
          eventPattern: { source: ["aws.cognito-idp"] },
          targets: [toBuffer()],
        }),
      );
    }
    this.rules = rules;
  }
}
