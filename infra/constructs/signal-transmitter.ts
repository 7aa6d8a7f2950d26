import { Duration, RemovalPolicy as Policy, type RemovalPolicy } from "aws-cdk-lib";
import { AttributeType, BillingMode, Table, TableEncryption } from "aws-cdk-lib/aws-dynamodb";
import { type EventBus, Rule } from "aws-cdk-lib/aws-events";
import { Grant } from "aws-cdk-lib/aws-iam";
import { type IKey, Key, KeySpec, KeyUsage } from "aws-cdk-lib/aws-kms";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { EVENTS_TARGET_QUEUE_SAME_ACCOUNT } from "aws-cdk-lib/cx-api";
import { Construct } from "constructs";
import {
  OUTGOING_EVENT_TYPES,
  type TransmitterSettings,
} from "../../shared/config/signal-parameters.ts";
import { SIGNALS } from "../../shared/core/tables.ts";
import { detailType, EVENT_SOURCE } from "../../shared/events/oauth-event.ts";
import { encryptedQueueProps } from "./encrypted-storage.ts";
import { SIGNAL_TIMEOUT } from "./function-table.ts";
import type { Functions } from "./functions.ts";
import { KEY_READS, KEY_WRITES } from "./grants.ts";
import { addTargetWithRetries, alarmUndelivered } from "./undelivered.ts";

/** Maximum attempts to push a SET. With delays that grow to one hour, 30 attempts take most of a day. */
const PUSH_TRIES = 30;

export interface SignalTransmitterProps {
  readonly settings: TransmitterSettings;
  readonly functions: Functions;
  readonly bus: EventBus;
  /** Encrypts the table, the queues and the receivers' credentials. */
  readonly key: IKey;
  readonly removalPolicy: RemovalPolicy;
  /** `iss` of the transmitted SETs. */
  readonly issuer: string;
  /** Receives the alarm. Undefined for no alarm. */
  readonly alarmTopic: ITopic | undefined;
}

/** Transmits alerts and actions as SETs: streams, signing keys, and queues for events and pushes. */
export class SignalTransmitter extends Construct {
  readonly table: Table;
  /** SETs that no receiver accepted. */
  readonly undelivered: Queue;
  readonly #signingKeys: readonly Key[];

  constructor(
    scope: Construct,
    id: string,
    private readonly props: SignalTransmitterProps,
  ) {
    super(scope, id);
    // As in `EventFlow`: without this flag, EventBridge could send to the queue on behalf of any account.
    this.node.setContext(EVENTS_TARGET_QUEUE_SAME_ACCOUNT, true);
    const { settings, functions, bus, key, removalPolicy } = props;
    this.table = this.#createTable();
    this.#signingKeys = settings.signingKeys.map(
      (name) =>
        new Key(this, `SigningKey${name}`, {
          description: "Signs the Security Event Tokens of OAuth monitoring",
          keySpec: KeySpec.RSA_2048,
          keyUsage: KeyUsage.SIGN_VERIFY,
          removalPolicy,
        }),
    );
    const encrypted = encryptedQueueProps(key, removalPolicy);
    const visibilityTimeout = Duration.seconds(6 * SIGNAL_TIMEOUT.toSeconds());
    this.undelivered = new Queue(this, "Undelivered", encrypted);
    const deadLetters = (maxReceiveCount: number) => ({ queue: this.undelivered, maxReceiveCount });
    const events = new Queue(this, "Events", {
      ...encrypted,
      visibilityTimeout,
      deadLetterQueue: deadLetters(100),
    });
    const pushes = new Queue(this, "Pushes", {
      ...encrypted,
      visibilityTimeout,
      deadLetterQueue: deadLetters(PUSH_TRIES),
    });
    new Rule(this, "Transmitted", {
      description: "Delivers alerts and actions to the Shared Signals transmitter",
      eventBus: bus,
      eventPattern: {
        source: [EVENT_SOURCE],
        detailType: OUTGOING_EVENT_TYPES.map(detailType),
      },
      targets: [addTargetWithRetries(events, this.undelivered)],
    });
    const streams = functions.get("SignalStreams");
    const transmitter = functions.get("SignalTransmitter");
    const delivery = functions.get("SignalDelivery");
    this.#connect(streams, ["GetItem", "PutItem", "DeleteItem", "Query"]);
    this.#connect(transmitter, ["GetItem", "PutItem", "Query"]);
    this.#connect(delivery, ["GetItem", "DeleteItem"]);
    for (const each of [streams, delivery]) this.#letSign(each);
    for (const each of [streams, transmitter, delivery]) {
      each.addEnvironment("SIGNAL_PUSH_QUEUE_URL", pushes.queueUrl);
    }
    for (const grantee of [streams, transmitter]) {
      Grant.addToPrincipal({
        grantee,
        actions: ["sqs:SendMessage"],
        resourceArns: [pushes.queueArn],
      });
    }
    transmitter.addEnvironment("SIGNAL_EVENT_QUEUE_URL", events.queueUrl);
    transmitter.addEventSource(
      new SqsEventSource(events, { batchSize: 10, reportBatchItemFailures: true }),
    );
    delivery.addEventSource(
      // Limits how much concurrency unresponsive receivers can use.
      new SqsEventSource(pushes, {
        batchSize: 10,
        maxConcurrency: 5,
        reportBatchItemFailures: true,
      }),
    );
    alarmUndelivered(
      this,
      this.undelivered,
      "A Shared Signals receiver rejected some SETs on every attempt. Check the queue Undelivered and the log of SignalDelivery",
      props.alarmTopic,
    );
  }

  #createTable(): Table {
    const { key, removalPolicy } = this.props;
    const isRetained = removalPolicy !== Policy.DESTROY;
    return new Table(this, "Table", {
      partitionKey: { name: SIGNALS.partitionKey, type: AttributeType.STRING },
      sortKey: { name: SIGNALS.sortKey, type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: SIGNALS.ttlAttribute,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      encryption: TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: key,
      deletionProtection: isRetained,
      removalPolicy: isRetained ? Policy.RETAIN : removalPolicy,
    });
  }

  #connect(target: LambdaFunction, actions: readonly string[]): void {
    const { key, issuer } = this.props;
    target.addEnvironment("SIGNALS_TABLE", this.table.tableName);
    target.addEnvironment("SIGNAL_ISSUER", issuer);
    Grant.addToPrincipal({
      grantee: target,
      actions: actions.map((action) => `dynamodb:${action}`),
      resourceArns: [this.table.tableArn],
    });
    key.grant(target, ...KEY_READS, ...KEY_WRITES);
  }

  #letSign(target: LambdaFunction): void {
    const { key } = this.props;
    target.addEnvironment(
      "SIGNING_KEY_ARNS",
      this.#signingKeys.map(({ keyArn }) => keyArn).join(","),
    );
    target.addEnvironment("SEALING_KEY_ARN", key.keyArn);
    const grant = (action: string, keys: readonly Key[]) =>
      Grant.addToPrincipal({
        grantee: target,
        actions: [action],
        resourceArns: keys.map(({ keyArn }) => keyArn),
      });
    grant("kms:GetPublicKey", this.#signingKeys);
    grant("kms:Sign", this.#signingKeys.slice(0, 1));
  }
}
