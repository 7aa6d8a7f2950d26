import type { RequestContext } from "./policy-statements.ts";
import { ACCOUNT, REGION, type Template } from "./template.ts";

type Properties = Readonly<Record<string, unknown>>;

/** Path of the property that names the KMS key, by resource type. */
const KEY_PROPERTIES: Readonly<Record<string, readonly (string | number)[]>> = {
  "AWS::SQS::Queue": ["KmsMasterKeyId"],
  "AWS::SNS::Topic": ["KmsMasterKeyId"],
  "AWS::DynamoDB::Table": ["SSESpecification", "KMSMasterKeyId"],
  "AWS::Events::Archive": ["KmsKeyIdentifier"],
  "AWS::KinesisFirehose::DeliveryStream": ["DeliveryStreamEncryptionConfigurationInput", "KeyARN"],
  "AWS::S3::Bucket": [
    "BucketEncryption",
    "ServerSideEncryptionConfiguration",
    0,
    "ServerSideEncryptionByDefault",
    "KMSMasterKeyID",
  ],
};

/** Returns the ARN of the key that encrypts a resource, or undefined if AWS's own key does. */
function getKey(type: string, properties: Properties): string | undefined {
  let found: unknown = properties;
  for (const step of KEY_PROPERTIES[type] ?? []) {
    found = (found as Record<string | number, unknown> | undefined)?.[step];
  }
  return typeof found === "string" ? found : undefined;
}

/**
 * Returns the template's resources that are encrypted with a customer managed key: key ARN by resource ARN.
 */
export function encryptedResources(template: Template): ReadonlyMap<string, string> {
  return new Map(
    Object.keys(KEY_PROPERTIES).flatMap((type) =>
      template.resources<Properties>(type).flatMap(({ logicalId, properties }) => {
        const keyArn = getKey(type, properties);
        return keyArn === undefined ? [] : [[template.arn(logicalId), keyArn] as const];
      }),
    ),
  );
}

/** Returns the ARN of the table or bucket that an index or object belongs to. Returns any other ARN unchanged. */
export function getEncryptedArn(arn: string): string {
  return (arn.startsWith("arn:aws:s3:") ? arn.split("/")[0] : arn.split("/index/")[0]) ?? arn;
}

/** Returns the context of a KMS request that a service makes on behalf of a role. */
export function contextVia(service: string): RequestContext {
  return {
    "kms:ViaService": `${service}.${REGION}.amazonaws.com`,
    "kms:CallerAccount": ACCOUNT,
  };
}

/**
 * Returns the KMS actions that a caller of an encrypted resource needs on its key.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
 * https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
 * https://docs.aws.amazon.com/kms/latest/developerguide/services-dynamodb.html
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
 *
 * @param action IAM action on the resource, such as `sqs:SendMessage`
 */
export function getKeyActions(action: string): readonly string[] {
  const [service, operation = ""] = action.split(":");
  if (/^(sqs:SendMessage|sns:Publish)$/.test(action)) return ["kms:GenerateDataKey", "kms:Decrypt"];
  if (action === "sqs:ReceiveMessage" || action === "s3:GetObject") return ["kms:Decrypt"];
  if (action === "s3:PutObject") return ["kms:GenerateDataKey"];
  if (service !== "dynamodb") return [];
  const writes = /^(Put|Update|Delete|BatchWrite)/.test(operation);
  return writes
    ? ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom"]
    : ["kms:Decrypt", "kms:DescribeKey"];
}
