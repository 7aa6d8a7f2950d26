import { Duration, type RemovalPolicy, Validations } from "aws-cdk-lib";
import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { Bucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { privateBucketProps } from "./encrypted-storage.ts";
import { KEY_READS } from "./grants.ts";

export interface EnrichmentDatabasesProps {
  /** The file names, used as object keys. */
  readonly databases: readonly string[];
  readonly key: IKey;
  readonly removalPolicy: RemovalPolicy;
  /** The functions that read the databases: those that store and export events. */
  readonly readers: readonly IGrantable[];
}

/** The bucket of the databases for IP enrichment. */
export class EnrichmentDatabases extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, props: EnrichmentDatabasesProps) {
    super(scope, id);
    const { databases, key, removalPolicy, readers } = props;
    this.bucket = new Bucket(this, "Bucket", {
      ...privateBucketProps(key),
      // Old versions are kept for a week, in case a new file is faulty. Licences such as GeoLite2's require deleting
      // them after that.
      lifecycleRules: [
        {
          noncurrentVersionExpiration: Duration.days(7),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
      removalPolicy,
    });
    Validations.of(this.bucket).acknowledge({
      id: "AwsSolutions-S1",
      reason: "It contains only publicly available databases and no data about API callers.",
    });
    for (const grantee of readers) {
      const grant = (actions: string[], resourceArns: string[]) =>
        Grant.addToPrincipal({ grantee, actions, resourceArns });
      grant(
        ["s3:GetObject"],
        databases.map((name) => this.bucket.arnForObjects(name)),
      );
      // Without this permission, S3 reports a missing object as "access denied".
      grant(["s3:ListBucket"], [this.bucket.bucketArn]);
      key.grant(grantee, ...KEY_READS);
    }
  }
}
