import { Duration, type RemovalPolicy, Size, Stack, Validations } from "aws-cdk-lib";
import type { IMetric } from "aws-cdk-lib/aws-cloudwatch";
import type { IRuleTarget, Rule } from "aws-cdk-lib/aws-events";
import { FirehoseDeliveryStream } from "aws-cdk-lib/aws-events-targets";
import { Effect, Policy, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  Compression,
  DeliveryStream,
  EnableLogging,
  LambdaFunctionProcessor,
  S3Bucket,
  StreamEncryption,
} from "aws-cdk-lib/aws-kinesisfirehose";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type CfnBucket,
  type IBucket,
  ObjectOwnership,
} from "aws-cdk-lib/aws-s3";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { S3_SERVER_ACCESS_LOGS_USE_BUCKET_POLICY } from "aws-cdk-lib/cx-api";
import { Construct } from "constructs";
import type { OcsfExportParameters } from "../../shared/config/ocsf-export-parameters.ts";
import { encryptedQueueProps, privateBucketProps } from "./encrypted-storage.ts";
import { createAlarm } from "./metrics-and-alarms.ts";

/** Key prefixes for exported events and for failed records. */
const PREFIX = "ocsf/";
const ERROR_PREFIX = "ocsf-errors/";

/** The same as the archive's default retention, during which failed events can still be replayed. */
const ERROR_RETENTION = Duration.days(30);

/**
 * ID of the mapping with Firehose's IP addresses, which CDK adds to the stack for destinations behind a firewall. S3
 * doesn't need this mapping, and template validation warns about unused mappings.
 */
const ADDRESSES = "@aws-cdk/aws-kinesisfirehose.CidrBlocks";

export interface OcsfExportProps {
  readonly parameters: OcsfExportParameters;
  readonly removalPolicy: RemovalPolicy;
  readonly logRetention: RetentionDays;
  /** The rules whose events are exported. */
  readonly rules: readonly Rule[];
  readonly key: IKey;
  /** Converts a batch of events to OCSF. */
  readonly transformation: IFunction;
  /** Receives the export's alarms. Undefined for no alarms. */
  readonly alarmTopic: ITopic | undefined;
}

/**
 * Exports all events as OCSF. A Firehose stream converts the events and stores them in a bucket by class and day, for
 * queries with Athena.
 * https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning.html
 */
export class OcsfExport extends Construct {
  readonly bucket: Bucket;
  readonly #stream: DeliveryStream;
  /** Events that Firehose didn't accept within a day. */
  readonly undelivered: Queue;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: OcsfExportProps,
  ) {
    super(scope, id);
    this.bucket = this.#createBucket();
    this.#stream = this.#createStream();
    this.undelivered = new Queue(
      this,
      "Undelivered",
      encryptedQueueProps(props.key, props.removalPolicy),
    );
    Validations.of(this.undelivered).acknowledge({
      id: "AwsSolutions-SQS3",
      reason:
        "It is the dead-letter queue of the rules' target. The check does not recognize these.",
    });
    for (const rule of props.rules) rule.addTarget(this.#target());
    this.undelivered.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal("events.amazonaws.com")],
        actions: ["sqs:SendMessage"],
        resources: [this.undelivered.queueArn],
        conditions: { ArnEquals: { "aws:SourceArn": props.rules.map(({ ruleArn }) => ruleArn) } },
      }),
    );
    this.#alarm(
      "NotDelivered",
      "Firehose did not accept some events for a day. Recover them from the queue Undelivered, or from the bus's archive",
      this.undelivered.metricApproximateNumberOfMessagesVisible({
        period: Duration.minutes(5),
        statistic: "Maximum",
      }),
      1,
    );
    this.#alarm(
      "Late",
      "Events wait too long for delivery to S3. Check the stream's log, its role, and the policies of the bucket and the KMS key",
      this.#stream.metric("DeliveryToS3.DataFreshness", {
        period: Duration.minutes(5),
        statistic: "Maximum",
      }),
      Duration.hours(1).toSeconds(),
    );
  }

  #createBucket(): Bucket {
    const { key, parameters } = this.props;
    // By default, CDK grants access log delivery with an ACL, which a bucket without ACLs rejects. The flag is set
    // here because the app that uses this construct has its own feature flags.
    this.node.setContext(S3_SERVER_ACCESS_LOGS_USE_BUCKET_POLICY, true);
    return new Bucket(this, "Bucket", {
      serverAccessLogsBucket: this.#createAccessLog() as IBucket,
      ...privateBucketProps(key),
      // Overwritten and deleted objects can be restored for a while.
      lifecycleRules: [
        { prefix: PREFIX, expiration: Duration.days(parameters.retentionDays) },
        { prefix: ERROR_PREFIX, expiration: ERROR_RETENTION },
        {
          noncurrentVersionExpiration: Duration.days(30),
          abortIncompleteMultipartUploadAfter: Duration.days(7),
        },
      ],
      removalPolicy: this.props.removalPolicy,
    });
  }

  /**
   * Creates the bucket for access logs. It doesn't use the customer managed key, because S3 can't deliver logs to a
   * bucket that is encrypted with one.
   */
  #createAccessLog(): Bucket {
    return new Bucket(this, "AccessLog", {
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      lifecycleRules: [{ expiration: Duration.days(90) }],
      removalPolicy: this.props.removalPolicy,
    });
  }

  #createStream(): DeliveryStream {
    const { key, parameters, transformation } = this.props;
    const logGroup = new LogGroup(this, "StreamLog", {
      retention: this.props.logRetention,
      removalPolicy: this.props.removalPolicy,
    });
    const role = new Role(this, "StreamRole", {
      assumedBy: new ServicePrincipal("firehose.amazonaws.com"),
    });
    const policy = this.#streamPolicy(logGroup);
    role.attachInlinePolicy(policy);
    // CDK's own grant would let the stream delete objects.
    const granted = role.withoutPolicyUpdates();
    const { node } = Stack.of(this);
    const hadAddresses = node.tryFindChild(ADDRESSES) !== undefined;
    const stream = new DeliveryStream(this, "Stream", {
      role: granted,
      encryption: StreamEncryption.customerManagedKey(key),
      destination: new S3Bucket(this.bucket as IBucket, {
        role: granted,
        processors: [
          new LambdaFunctionProcessor(transformation, {
            // Lambda limits the response to 6 MB. Conversion to OCSF makes events 1.5 times as large, and base64 adds a
            // third.
            bufferSize: Size.mebibytes(1),
            bufferInterval: Duration.minutes(1),
          }),
        ],
        dynamicPartitioning: { enabled: true },
        dataOutputPrefix: `${PREFIX}class_uid=!{partitionKeyFromLambda:class_uid}/day=!{partitionKeyFromLambda:day}/`,
        errorOutputPrefix: `${ERROR_PREFIX}!{firehose:error-output-type}/day=!{timestamp:yyyy-MM-dd}/`,
        bufferingInterval: Duration.seconds(parameters.bufferSeconds),
        bufferingSize: Size.mebibytes(64),
        compression: Compression.GZIP,
        fileExtension: ".json.gz",
        encryptionKey: key,
        loggingConfig: new EnableLogging(logGroup),
      }),
    });
    stream.node.addDependency(policy);
    // CDK replaces slashes in construct IDs, so the mapping's actual ID differs from `ADDRESSES`.
    const addresses = node.tryFindChild(ADDRESSES);
    if (addresses && !hadAddresses) node.tryRemoveChild(addresses.node.id);
    return stream;
  }

  /** https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3 */
  #streamPolicy(logGroup: LogGroup): Policy {
    const { key, transformation } = this.props;
    const allow = (actions: string[], resources: string[], conditions = {}) =>
      new PolicyStatement({ effect: Effect.ALLOW, actions, resources, conditions });
    const { bucketArn } = this.bucket;
    const { region, urlSuffix } = Stack.of(this);
    const services = ["firehose", "s3"].map((service) => `${service}.${region}.${urlSuffix}`);
    const policy = new Policy(this, "StreamPolicy", {
      statements: [
        allow(
          ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
          [bucketArn],
        ),
        allow(
          ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
          [PREFIX, ERROR_PREFIX].map((prefix) => this.bucket.arnForObjects(`${prefix}*`)),
        ),
        allow(["kms:Decrypt", "kms:GenerateDataKey"], [key.keyArn], {
          StringEquals: { "kms:ViaService": services },
        }),
        allow(
          ["lambda:InvokeFunction"],
          ["", ":$LATEST"].map((version) => `${transformation.functionArn}${version}`),
        ),
        allow(["logs:PutLogEvents"], [logGroup.logGroupArn]),
      ],
    });
    const bucketId = Stack.of(this).getLogicalId(this.bucket.node.defaultChild as CfnBucket);
    Validations.of(policy).acknowledge(
      ...[PREFIX, ERROR_PREFIX].map((prefix) => ({
        id: `AwsSolutions-IAM5[Resource::<${bucketId}.Arn>/${prefix}*]`,
        reason: "Firehose chooses the object names. Only the prefix is known in advance.",
      })),
    );
    return policy;
  }

  /** Returns the stream as a target with a dead-letter queue, which CDK's own target doesn't support. */
  #target(): IRuleTarget {
    const stream = this.#stream;
    return {
      bind: (rule, id) => ({
        ...new FirehoseDeliveryStream(stream).bind(rule, id),
        deadLetterConfig: { arn: this.undelivered.queueArn },
        retryPolicy: { maximumRetryAttempts: 185, maximumEventAgeInSeconds: 86_400 },
      }),
    };
  }

  #alarm(name: string, alarmDescription: string, metric: IMetric, threshold: number): void {
    const { alarmTopic } = this.props;
    if (!alarmTopic) return;
    createAlarm(this, name, alarmTopic, { alarmDescription, metric, threshold });
  }
}
