import { Duration, type RemovalPolicy } from "aws-cdk-lib";
import type { IKey } from "aws-cdk-lib/aws-kms";
import {
  BlockPublicAccess,
  BucketEncryption,
  type BucketProps,
  ObjectOwnership,
} from "aws-cdk-lib/aws-s3";
import { QueueEncryption, type QueueProps } from "aws-cdk-lib/aws-sqs";

/** Common properties of data buckets: encrypted with the key, TLS only, versioned, without public access or ACLs. */
export function privateBucketProps(encryptionKey: IKey) {
  return {
    encryption: BucketEncryption.KMS,
    encryptionKey,
    bucketKeyEnabled: true,
    enforceSSL: true,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    versioned: true,
  } satisfies BucketProps;
}

/** Common properties of queues: encrypted with the key, TLS only, with the maximum retention. */
export function encryptedQueueProps(encryptionMasterKey: IKey, removalPolicy: RemovalPolicy) {
  return {
    encryption: QueueEncryption.KMS,
    encryptionMasterKey,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
    removalPolicy,
  } satisfies QueueProps;
}
