import {
  contextVia,
  encryptedResources,
  getEncryptedArn,
  getKeyActions,
} from "./encrypted-resources.ts";
import type { KeyUse } from "./key-policies.ts";
import type { Statement } from "./policy-statements.ts";
import { ACCOUNT, logicalIdOfArn, type Template } from "./template.ts";

interface RuleProperties {
  readonly Targets: readonly {
    readonly Arn: string;
    readonly DeadLetterConfig?: { readonly Arn: string };
  }[];
}

interface PolicyProperties {
  readonly PolicyDocument: { readonly Statement: readonly Statement[] };
  readonly Roles: readonly string[];
}

/** The actions that a producer needs, to generate a data key and to verify it by decrypting it. */
const PRODUCES = ["kms:GenerateDataKey", "kms:Decrypt"];

const service = (name: string) => ({ service: `${name}.amazonaws.com` });

/** Returns how EventBridge uses a key when it sends a rule's events to an encrypted queue or topic. */
export function deliveryUse(keyArn: string, ruleArn: string, targetArn: string): KeyUse {
  return {
    purpose: `EventBridge's delivery of ${logicalIdOfArn(ruleArn)} to ${logicalIdOfArn(targetArn)}`,
    keyArn,
    principal: service("events"),
    actions: PRODUCES,
    context: { "aws:SourceArn": ruleArn, "aws:SourceAccount": ACCOUNT },
  };
}

/** Returns how a role uses a key when it performs an action on an encrypted resource. */
export function accessUse(
  keyArn: string,
  roleArn: string,
  action: string,
  resource: string,
): KeyUse {
  return {
    purpose: `${action} on ${logicalIdOfArn(resource)} by ${logicalIdOfArn(roleArn)}`,
    keyArn,
    principal: { arn: roleArn },
    actions: getKeyActions(action),
    context: contextVia(action.slice(0, action.indexOf(":"))),
  };
}

function ofRules(template: Template, keys: ReadonlyMap<string, string>): KeyUse[] {
  return template.resources<RuleProperties>("AWS::Events::Rule").flatMap((rule) =>
    rule.properties.Targets.flatMap(({ Arn, DeadLetterConfig }) =>
      // Firehose encrypts with its own grant, so senders need no permission on the stream's key.
      [Arn, DeadLetterConfig?.Arn].flatMap((arn) => {
        const keyArn = arn?.includes(":firehose:") ? undefined : keys.get(arn ?? "");
        return keyArn === undefined
          ? []
          : [deliveryUse(keyArn, template.arn(rule.logicalId), arn ?? "")];
      }),
    ),
  );
}

/**
 * Returns how EventBridge uses keys to encrypt archives.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/encryption-archives.html
 */
export function archiveUses(template: Template, keys: ReadonlyMap<string, string>): KeyUse[] {
  return template
    .resources<{ readonly SourceArn: string }>("AWS::Events::Archive")
    .flatMap(({ logicalId, properties: { SourceArn } }) => {
      const keyArn = keys.get(template.arn(logicalId));
      if (keyArn === undefined) return [];
      const use = { purpose: `the archive ${logicalId}`, keyArn, principal: service("events") };
      return [
        { ...use, actions: ["kms:DescribeKey"], context: {} },
        {
          ...use,
          actions: [...PRODUCES, "kms:ReEncryptFrom", "kms:ReEncryptTo"],
          context: { "kms:EncryptionContext:aws:events:event-bus:arn": SourceArn },
        },
      ];
    });
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html */
function ofAlarms(template: Template, keys: ReadonlyMap<string, string>): KeyUse[] {
  return template
    .resources<{ readonly AlarmActions?: readonly string[] }>("AWS::CloudWatch::Alarm")
    .flatMap(({ logicalId, properties: { AlarmActions = [] } }) =>
      AlarmActions.flatMap((topic) => {
        const keyArn = keys.get(topic);
        if (keyArn === undefined) return [];
        return [
          {
            purpose: `the alarm ${logicalId}`,
            keyArn,
            principal: service("cloudwatch"),
            actions: PRODUCES,
            context: {
              "aws:SourceAccount": ACCOUNT,
              "aws:SourceArn": template.arn(logicalId),
            },
          },
        ];
      }),
    );
}

/** Returns how roles use keys when they access encrypted resources that their policies allow. */
function ofRoles(template: Template, keys: ReadonlyMap<string, string>): KeyUse[] {
  return template
    .resources<PolicyProperties>("AWS::IAM::Policy")
    .flatMap(({ properties: { PolicyDocument, Roles } }) =>
      Roles.flatMap((role) =>
        PolicyDocument.Statement.flatMap(({ Action, Resource = [] }) =>
          [Action].flat().flatMap((action) =>
            [Resource].flat().flatMap((resource) => {
              const keyArn = keys.get(getEncryptedArn(String(resource)));
              if (keyArn === undefined || getKeyActions(String(action)).length === 0) return [];
              return [accessUse(keyArn, template.arn(role), String(action), String(resource))];
            }),
          ),
        ),
      ),
    );
}

/** https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3 */
function ofStreams(template: Template, keys: ReadonlyMap<string, string>): KeyUse[] {
  return template
    .resources<{
      readonly ExtendedS3DestinationConfiguration: {
        readonly BucketARN: string;
        readonly RoleARN: string;
      };
    }>("AWS::KinesisFirehose::DeliveryStream")
    .flatMap(({ logicalId, properties: { ExtendedS3DestinationConfiguration } }) => {
      const { BucketARN, RoleARN } = ExtendedS3DestinationConfiguration;
      const principal = { arn: RoleARN };
      const stream = keys.get(template.arn(logicalId));
      const bucket = keys.get(BucketARN);
      return [
        ...(bucket === undefined
          ? []
          : [
              {
                purpose: `objects of ${logicalId}`,
                keyArn: bucket,
                principal,
                actions: PRODUCES,
                context: {
                  ...contextVia("s3"),
                  "kms:EncryptionContext:aws:s3:arn": BucketARN,
                },
              },
            ]),
        ...(stream === undefined
          ? []
          : [
              {
                purpose: `records of ${logicalId}`,
                keyArn: stream,
                principal,
                actions: ["kms:Decrypt"],
                context: contextVia("firehose"),
              },
            ]),
      ];
    });
}

/** Returns every use of a customer managed key by the deployed template. */
export function keyUses(template: Template): KeyUse[] {
  const keys = encryptedResources(template);
  return [ofRules, archiveUses, ofAlarms, ofRoles, ofStreams].flatMap((listUses) =>
    listUses(template, keys),
  );
}
