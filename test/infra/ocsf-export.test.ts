import { App } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { OAuthMonitoringStack } from "../../infra/oauth-monitoring-stack.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";

/** Returns the template of a stack without bundling. */
function synthesize(config: MonitoringConfigInput): Template {
  const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
  return Template.fromStack(new OAuthMonitoringStack(app, "Product", { config }));
}

const on = synthesize({ ocsfExport: { enabled: true } });

interface Statement {
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

/** Returns the only resource of a type whose logical ID contains the text. */
function only(template: Template, type: string, part: string) {
  const found = Object.entries(template.findResources(type)).filter(([id]) => id.includes(part));
  expect(found).toHaveLength(1);
  const [logicalId, { Properties }] = found[0] as [string, { Properties: Record<string, unknown> }];
  return { logicalId, properties: Properties };
}

const getStatements = (policy: { readonly properties: Record<string, unknown> }) =>
  (policy.properties.PolicyDocument as { readonly Statement: Statement[] }).Statement;

const bucket = only(on, "AWS::S3::Bucket", "OcsfExportBucket");
const accessLog = only(on, "AWS::S3::Bucket", "OcsfExportAccessLog");
const stream = only(on, "AWS::KinesisFirehose::DeliveryStream", "OcsfExport");
const key = only(on, "AWS::KMS::Key", "DataKey");
const keyArn = { "Fn::GetAtt": [key.logicalId, "Arn"] };

describe("without the OCSF export", () => {
  it("the template is the same when the setting is absent or disabled", () => {
    const absent = synthesize({});
    for (const no of [{}, { enabled: false }, { enabled: false, retentionDays: 90 }]) {
      expect(synthesize({ ocsfExport: no }).toJSON()).toEqual(absent.toJSON());
    }
    expect(JSON.stringify(absent.toJSON())).not.toMatch(/ocsf|firehose|AWS::S3/i);
  });
});

describe("OCSF export", () => {
  it("receives every stored event from every bus and keeps the events that Firehose rejects", () => {
    const partnerBus = "aws.partner/auth0.com/tenant-1a2b/auth0.logs";
    const all = synthesize({
      ocsfExport: { enabled: true },
      providers: { partnerEventBuses: [partnerBus], cognito: true },
    });
    const rules = Object.values(all.findResources("AWS::Events::Rule")).filter(
      ({ Properties }) => Properties.EventPattern !== undefined,
    );
    expect(rules).toHaveLength(3);
    const queue = only(on, "AWS::SQS::Queue", "OcsfExport");
    const deadLetters = { "Fn::GetAtt": [queue.logicalId, "Arn"] };
    for (const { Properties } of rules) {
      expect(Properties.Targets).toContainEqual(
        expect.objectContaining({
          Arn: { "Fn::GetAtt": [stream.logicalId, "Arn"] },
          DeadLetterConfig: { Arn: deadLetters },
        }),
      );
    }
    const rule = only(on, "AWS::Events::Rule", "Stored");
    expect(queue.properties.KmsMasterKeyId).toEqual(keyArn);
    on.hasResourceProperties("AWS::SQS::QueuePolicy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: "sqs:SendMessage",
            Principal: { Service: "events.amazonaws.com" },
            Resource: deadLetters,
            Condition: {
              ArnEquals: { "aws:SourceArn": [{ "Fn::GetAtt": [rule.logicalId, "Arn"] }] },
            },
          }),
        ]),
      },
      Queues: [{ Ref: queue.logicalId }],
    });
    on.hasResourceProperties("AWS::CloudWatch::Alarm", {
      Namespace: "AWS/SQS",
      Dimensions: [{ Name: "QueueName", Value: { "Fn::GetAtt": [queue.logicalId, "QueueName"] } }],
    });
  });

  it("writes compressed objects by class and day, and errors under a separate prefix", () => {
    expect(stream.properties.ExtendedS3DestinationConfiguration).toMatchObject({
      BucketARN: { "Fn::GetAtt": [bucket.logicalId, "Arn"] },
      Prefix:
        "ocsf/class_uid=!{partitionKeyFromLambda:class_uid}/day=!{partitionKeyFromLambda:day}/",
      ErrorOutputPrefix: "ocsf-errors/!{firehose:error-output-type}/day=!{timestamp:yyyy-MM-dd}/",
      CompressionFormat: "GZIP",
      FileExtension: ".json.gz",
      DynamicPartitioningConfiguration: { Enabled: true },
      BufferingHints: { IntervalInSeconds: 300, SizeInMBs: 64 },
      ProcessingConfiguration: {
        Enabled: true,
        Processors: [
          {
            Type: "Lambda",
            Parameters: expect.arrayContaining([
              {
                ParameterName: "LambdaArn",
                ParameterValue: {
                  "Fn::GetAtt": [only(on, "AWS::Lambda::Function", "OcsfExport").logicalId, "Arn"],
                },
              },
            ]),
          },
        ],
      },
    });
  });

  it("encrypts data at rest with the stack's key everywhere", () => {
    expect(stream.properties).toMatchObject({
      DeliveryStreamEncryptionConfigurationInput: {
        KeyARN: keyArn,
        KeyType: "CUSTOMER_MANAGED_CMK",
      },
      ExtendedS3DestinationConfiguration: {
        EncryptionConfiguration: { KMSEncryptionConfig: { AWSKMSKeyARN: keyArn } },
      },
    });
    expect(bucket.properties.BucketEncryption).toEqual({
      ServerSideEncryptionConfiguration: [
        {
          BucketKeyEnabled: true,
          ServerSideEncryptionByDefault: { KMSMasterKeyID: keyArn, SSEAlgorithm: "aws:kms" },
        },
      ],
    });
  });

  it("has a private, versioned, TLS-only bucket with the configured retention", () => {
    expect(bucket.properties).toMatchObject({
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] },
      VersioningConfiguration: { Status: "Enabled" },
      LifecycleConfiguration: {
        Rules: [
          { Prefix: "ocsf/", ExpirationInDays: 400 },
          { Prefix: "ocsf-errors/", ExpirationInDays: 30 },
          { NoncurrentVersionExpiration: { NoncurrentDays: 30 } },
        ],
      },
    });
    on.hasResourceProperties("AWS::S3::BucketPolicy", {
      Bucket: { Ref: bucket.logicalId },
      PolicyDocument: {
        Statement: [
          Match.objectLike({
            Effect: "Deny",
            Principal: { AWS: "*" },
            Action: "s3:*",
            Condition: { Bool: { "aws:SecureTransport": "false" } },
          }),
        ],
      },
    });
    on.hasResource("AWS::S3::Bucket", { DeletionPolicy: "RetainExceptOnCreate" });
    on.hasOutput("OAuthMonitoringOcsfBucketName", { Value: { Ref: bucket.logicalId } });
  });

  it("logs bucket access to a second bucket that only S3 can write to", () => {
    expect(bucket.properties.LoggingConfiguration).toEqual({
      DestinationBucketName: { Ref: accessLog.logicalId },
    });
    expect(accessLog.properties).toMatchObject({
      PublicAccessBlockConfiguration: { BlockPublicPolicy: true, RestrictPublicBuckets: true },
      BucketEncryption: { ServerSideEncryptionConfiguration: [expect.anything()] },
      LifecycleConfiguration: { Rules: [{ ExpirationInDays: 90 }] },
    });
    const policy = only(on, "AWS::S3::BucketPolicy", "OcsfExportAccessLog");
    const [tls, delivery] = getStatements(policy);
    expect(tls?.Condition).toEqual({ Bool: { "aws:SecureTransport": "false" } });
    expect(delivery).toMatchObject({
      Action: "s3:PutObject",
      Principal: { Service: "logging.s3.amazonaws.com" },
      Condition: {
        ArnLike: { "aws:SourceArn": { "Fn::GetAtt": [bucket.logicalId, "Arn"] } },
        StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } },
      },
    });
  });

  it("has only the permissions that it needs", () => {
    const arn = { "Fn::GetAtt": [bucket.logicalId, "Arn"] };
    const under = (prefix: string) => ({ "Fn::Join": ["", [arn, `/${prefix}*`]] });
    const role = getStatements(only(on, "AWS::IAM::Policy", "OcsfExportStreamPolicy"));
    expect(role.map(({ Action }) => Action)).toEqual([
      ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
      ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
      ["kms:Decrypt", "kms:GenerateDataKey"],
      "lambda:InvokeFunction",
      "logs:PutLogEvents",
    ]);
    expect(role[0]?.Resource).toEqual(arn);
    expect(role[1]?.Resource).toEqual([under("ocsf/"), under("ocsf-errors/")]);
    expect(role[2]).toMatchObject({
      Resource: keyArn,
      Condition: { StringEquals: { "kms:ViaService": expect.any(Array) } },
    });
    for (const { Resource } of role) expect(Resource).not.toBe("*");

    const target = getStatements(only(on, "AWS::IAM::Policy", "StreamEventsRole"));
    expect(target).toHaveLength(1);
    expect(target[0]).toMatchObject({
      Action: ["firehose:PutRecord", "firehose:PutRecordBatch"],
      Resource: { "Fn::GetAtt": [stream.logicalId, "Arn"] },
    });

    const transformation = getStatements(only(on, "AWS::IAM::Policy", "FunctionsOcsfExportRole"));
    expect(transformation.flatMap(({ Action }) => Action)).toEqual([
      "logs:CreateLogStream",
      "logs:PutLogEvents",
      "xray:PutTraceSegments",
      "xray:PutTelemetryRecords",
    ]);
    // Managed policies wouldn't appear above.
    const roles = Object.entries(on.findResources("AWS::IAM::Role")).filter(([id]) =>
      id.includes("Ocsf"),
    );
    expect(roles.length).toBeGreaterThan(1);
    for (const [, { Properties }] of roles) {
      expect(Properties).not.toHaveProperty("ManagedPolicyArns");
    }
  });

  it("adds no unused mappings to the template", () => {
    expect(on.toJSON()).not.toHaveProperty("Mappings");
  });

  it("follows the configuration and is deleted with the stack when configured", () => {
    const template = synthesize({
      removalPolicy: "destroy",
      ocsfExport: { enabled: true, retentionDays: 730, bufferSeconds: 900 },
    });
    template.hasResource("AWS::S3::Bucket", {
      DeletionPolicy: "Delete",
      Properties: {
        LifecycleConfiguration: {
          Rules: Match.arrayWith([Match.objectLike({ Prefix: "ocsf/", ExpirationInDays: 730 })]),
        },
      },
    });
    template.hasResourceProperties("AWS::KinesisFirehose::DeliveryStream", {
      ExtendedS3DestinationConfiguration: { BufferingHints: { IntervalInSeconds: 900 } },
    });
  });

  it.each<[string, MonitoringConfigInput, RegExp]>([
    [
      "security events kept less than 90 days",
      { ocsfExport: { enabled: true, retentionDays: 30 } },
      /ocsfExport\.retentionDays: the export includes security events, which must be kept at least 90 days/,
    ],
    [
      "a buffer time that Firehose doesn't support",
      { ocsfExport: { enabled: true, bufferSeconds: 30 } },
      /ocsfExport\.bufferSeconds/,
    ],
    [
      "a key that does not exist",
      { ocsfExport: { enable: true } } as never,
      /ocsfExport\.enable: unknown property/,
    ],
  ])("rejects %s at synthesis", (_, config, message) => {
    expect(() => synthesize(config)).toThrow(message);
  });
});
