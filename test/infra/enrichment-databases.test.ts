import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { OAuthMonitoringStack } from "../../infra/oauth-monitoring-stack.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";

function synthesize(config: MonitoringConfigInput): Template {
  const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
  return Template.fromStack(new OAuthMonitoringStack(app, "Product", { config }));
}

interface Statement {
  readonly Action: string | string[];
  readonly Effect: string;
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

const on = synthesize({ ipEnrichment: { databases: ["country.mmdb", "asn.mmdb"] } });
const [bucketId = "", bucket] = Object.entries(on.findResources("AWS::S3::Bucket"))[0] ?? [];
const bucketArn = { "Fn::GetAtt": [bucketId, "Arn"] };

describe("IP databases", () => {
  it("need no bucket or permissions when none are configured", () => {
    const text = JSON.stringify(
      synthesize({
        ipEnrichment: { networks: [{ cidr: "203.0.113.0/24", networkType: "vpn" }] },
      }).toJSON(),
    );
    expect(text).not.toMatch(/AWS::S3|s3:|IP_ENRICHMENT_BUCKET/);
  });

  it("are in one private, encrypted, TLS-only bucket that keeps old versions for a week", () => {
    expect(Object.keys(on.findResources("AWS::S3::Bucket"))).toHaveLength(1);
    const [keyId] = Object.keys(on.findResources("AWS::KMS::Key"));
    expect(bucket?.Properties).toMatchObject({
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          {
            BucketKeyEnabled: true,
            ServerSideEncryptionByDefault: {
              KMSMasterKeyID: { "Fn::GetAtt": [keyId, "Arn"] },
              SSEAlgorithm: "aws:kms",
            },
          },
        ],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      VersioningConfiguration: { Status: "Enabled" },
      LifecycleConfiguration: {
        Rules: [{ NoncurrentVersionExpiration: { NoncurrentDays: 7 }, Status: "Enabled" }],
      },
    });
    expect(bucket?.DeletionPolicy).toBe("RetainExceptOnCreate");
    const policies = Object.values(on.findResources("AWS::S3::BucketPolicy"));
    expect(policies).toHaveLength(1);
    expect(policies[0]?.Properties.PolicyDocument.Statement).toEqual([
      expect.objectContaining({
        Effect: "Deny",
        Action: "s3:*",
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      }),
    ]);
  });

  it("can be read by name only by functions that use them, and written by no function", () => {
    const byRole = Object.entries(on.findResources("AWS::IAM::Policy")).flatMap(
      ([, { Properties }]) =>
        (Properties.PolicyDocument.Statement as Statement[])
          .filter(({ Action }) => JSON.stringify(Action).includes("s3:"))
          .map((statement) => ({ role: Properties.Roles[0].Ref as string, ...statement })),
    );
    expect(byRole).toEqual([
      expect.objectContaining({
        role: expect.stringContaining("Subscriber"),
        Action: "s3:GetObject",
        Resource: ["country.mmdb", "asn.mmdb"].map((name) => ({
          "Fn::Join": ["", [bucketArn, `/${name}`]],
        })),
      }),
      expect.objectContaining({
        role: expect.stringContaining("Subscriber"),
        Action: "s3:ListBucket",
        Resource: bucketArn,
      }),
    ]);
    const exported = synthesize({
      ipEnrichment: { databases: ["country.mmdb"] },
      ocsfExport: { enabled: true },
    });
    const readers = Object.values(exported.findResources("AWS::IAM::Policy"))
      .filter(({ Properties }) =>
        JSON.stringify(Properties.PolicyDocument).includes("/country.mmdb"),
      )
      .map(({ Properties }) => Properties.Roles[0].Ref as string);
    expect(readers.map((role) => /Subscriber|OcsfExport/.exec(role)?.[0]).toSorted()).toEqual([
      "OcsfExport",
      "Subscriber",
    ]);
    expect(on.findOutputs("*", { Value: { Ref: bucketId } })).toEqual({
      OAuthMonitoringIpEnrichmentBucketName: expect.anything(),
    });
  });
});
