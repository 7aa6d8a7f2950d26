import { Duration, type RemovalPolicy, Validations } from "aws-cdk-lib";
import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { Bucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { KEY_READS } from "./grants.ts";
import { privateBucketProps } from "./private-bucket.ts";

export interface OriginDatabasesProps {
  /** The names of the files, which are the keys of the objects. */
  readonly databases: readonly string[];
  readonly key: IKey;
  readonly removalPolicy: RemovalPolicy;
  /** Who reads them: the functions that store and export events. */
  readonly readers: readonly IGrantable[];
}

/** The bucket of the databases that tell where addresses are. */
export class OriginDatabases extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, props: OriginDatabasesProps) {
    super(scope, id);
    const { databases, key, removalPolicy, readers } = props;
    this.bucket = new Bucket(this, "Bucket", {
      ...privateBucketProps(key),
      // A bad file can be taken back for a week. Licences such as GeoLite2's ask for an end of old ones.
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
      reason: "It holds tables that anybody may get, and nothing about the callers of the API.",
    });
    for (const grantee of readers) {
      const grant = (actions: string[], resourceArns: string[]) =>
        Grant.addToPrincipal({ grantee, actions, resourceArns });
      grant(
        ["s3:GetObject"],
        databases.map((name) => this.bucket.arnForObjects(name)),
      );
      // Without it, S3 says of an object that is missing that access is denied.
      grant(["s3:ListBucket"], [this.bucket.bucketArn]);
      key.grant(grantee, ...KEY_READS);
    }
  }
}
