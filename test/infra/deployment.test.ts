import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { MockIntegration, RestApi } from "aws-cdk-lib/aws-apigateway";
import { HttpApi } from "aws-cdk-lib/aws-apigatewayv2";
import { type ISecurityGroup, type IVpc, SecurityGroup, Vpc } from "aws-cdk-lib/aws-ec2";
import { Key } from "aws-cdk-lib/aws-kms";
import { type ITopic, Topic } from "aws-cdk-lib/aws-sns";
import { afterAll, describe, expect, it } from "vitest";
import type { ProtectedHttpTarget, ProtectedTarget } from "../../infra/constructs/attachments.ts";
import { OAuthMonitoring } from "../../infra/oauth-monitoring.ts";
import type { OAuthMonitoringProps } from "../../infra/oauth-monitoring-props.ts";
import { OAuthMonitoringStack } from "../../infra/oauth-monitoring-stack.ts";
import { synthesize } from "../../infra/synthesize.ts";
import { readRoutes } from "../../local/services/api-routes.ts";
import { Template as LocalTemplate } from "../../local/services/template.ts";
import {
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "../../shared/config/monitoring-config.ts";
import { ALARM_METRICS, EXPORT_ALARM_METRICS } from "../../shared/cost/estimate.ts";

interface Statement {
  readonly Action: string | string[];
  readonly Resource: unknown;
}

const KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/1a2b3c4d-0000-4000-8000-000000000000";
const TOPIC_ARN = "arn:aws:sns:eu-west-1:111122223333:pages";

/** Creates a stack that contains only the construct. */
function alone(props: (stack: Stack) => OAuthMonitoringProps = () => ({})) {
  const stack = new Stack(new App(), "Shop");
  const monitoring = new OAuthMonitoring(stack, "Oam", props(stack));
  return { stack, monitoring, template: () => Template.fromStack(stack) };
}

const configured = (config: MonitoringConfigInput) => alone(() => ({ config })).template();

/** Returns the actions that a function's role allows on resources whose text contains `part`. */
function allowed(template: Template, functionName: string, part: string): string[] {
  const policies = template.findResources("AWS::IAM::Policy");
  return Object.entries(policies)
    .filter(([id]) => id.includes(`Functions${functionName}Role`))
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement as Statement[])
    .filter(({ Resource }) => JSON.stringify(Resource).includes(part))
    .flatMap(({ Action }) => Action)
    .sort();
}

const getFunction = (template: Template, name: string) => {
  const found = Object.entries(template.findResources("AWS::Lambda::Function"));
  const [, resource] = found.find(([id]) => id.startsWith(`OamFunctions${name}`)) ?? [];
  return resource?.Properties;
};

describe("alarm topic with its own key", () => {
  it("lets the detection and CloudWatch alarms use the topic's key", () => {
    const template = alone((stack) => ({
      alarmTopic: new Topic(stack, "Pages", {
        masterKey: new Key(stack, "TopicKey"),
      }) as ITopic,
    })).template();
    expect(allowed(template, "Anomalies", "TopicKey")).toEqual([
      "kms:Decrypt",
      "kms:GenerateDataKey",
    ]);
    template.hasResourceProperties("AWS::KMS::Key", {
      KeyPolicy: {
        Statement: Match.arrayWith([
          Match.objectLike({ Principal: { Service: "cloudwatch.amazonaws.com" } }),
        ]),
      },
    });
  });

  it("lets the detection use the key of an imported topic", () => {
    const template = alone((stack) => ({
      alarmTopic: Topic.fromTopicAttributes(stack, "Pages", {
        topicArn: TOPIC_ARN,
        keyArn: KEY_ARN,
      }),
    })).template();
    expect(allowed(template, "Anomalies", KEY_ARN)).toEqual(["kms:Decrypt", "kms:GenerateDataKey"]);
    expect(allowed(template, "Anomalies", TOPIC_ARN)).toEqual(["sns:Publish"]);
  });
});

describe("account-wide role for API Gateway access logs", () => {
  it("isn't changed when the configuration or the property turns it off", () => {
    const accounts = (config: MonitoringConfigInput) => {
      const stack = new OAuthMonitoringStack(new App(), "Product", { config });
      return Object.keys(Template.fromStack(stack).findResources("AWS::ApiGateway::Account"));
    };
    expect(accounts({})).toHaveLength(1);
    expect(accounts({ api: { cloudWatchRole: false } })).toEqual([]);
    const { monitoring, template } = alone();
    monitoring.addAdminApi({ cloudWatchRole: false });
    template().resourceCountIs("AWS::ApiGateway::Account", 0);
  });
});

describe("function concurrency", () => {
  it("is reserved for the functions in the configuration or the property", () => {
    const reserved = { Authorizer: 400, Subscriber: 20 };
    for (const template of [
      configured({ functions: { reservedConcurrency: reserved } }),
      alone(() => ({ reservedConcurrency: reserved })).template(),
    ]) {
      expect(getFunction(template, "Authorizer").ReservedConcurrentExecutions).toBe(400);
      expect(getFunction(template, "Subscriber").ReservedConcurrentExecutions).toBe(20);
      expect(getFunction(template, "Cleanup")).not.toHaveProperty("ReservedConcurrentExecutions");
    }
  });

  const directories: string[] = [];
  afterAll(() => {
    for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  });

  it("is provisioned for the authorizer's alias, which API Gateway is allowed to call", () => {
    const { stack, monitoring, template } = alone(() => ({ authorizerProvisionedConcurrency: 5 }));
    const api = new RestApi(stack, "Orders");
    api.root.addMethod("GET", new MockIntegration());
    monitoring.attach(api);
    const alias = Match.stringLikeRegexp("^OamFunctionsAuthorizerLive");
    template().hasResourceProperties("AWS::Lambda::Alias", {
      ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: 5 },
    });
    template().hasResourceProperties("AWS::ApiGateway::Authorizer", {
      AuthorizerUri: { "Fn::Join": ["", Match.arrayWith([{ Ref: alias }])] },
    });
    template().hasResourceProperties("AWS::Lambda::Permission", {
      FunctionName: { Ref: alias },
      Principal: "apigateway.amazonaws.com",
    });
  });

  it("doesn't prevent the local stack from resolving the alias to the function", () => {
    const directory = mkdtempSync(join(tmpdir(), "oauth-monitoring-alias-"));
    directories.push(directory);
    const assembly = synthesize(directory, { functions: { authorizerProvisionedConcurrency: 1 } });
    const template = new LocalTemplate(assembly, "http://127.0.0.1:1");
    const functions = template.resources("AWS::Lambda::Function").map(({ logicalId }) => logicalId);
    const names = new Set(readRoutes(template).map(({ authorizerName }) => authorizerName));
    expect([...names].filter((name) => name !== undefined)).toEqual(
      functions.filter((name) => name.includes("FunctionsAuthorizer")),
    );
  });

  it.each<[string, MonitoringConfigInput, RegExp]>([
    [
      "a reserved concurrency of the subscriber below its maximum concurrency",
      { functions: { reservedConcurrency: { Subscriber: 5 } } },
      /functions\.reservedConcurrency\.Subscriber: .*Reserve at least subscriber\.maxConcurrency/,
    ],
    [
      "more provisioned than reserved concurrency",
      {
        functions: { reservedConcurrency: { Authorizer: 5 }, authorizerProvisionedConcurrency: 6 },
      },
      /functions\.authorizerProvisionedConcurrency: .*raise reservedConcurrency\.Authorizer/,
    ],
    [
      "an unknown function",
      { functions: { reservedConcurrency: { Authoriser: 5 } } } as never,
      /functions\.reservedConcurrency/,
    ],
  ])("is rejected at synthesis: %s", (_, config, message) => {
    expect(() => parseMonitoringConfig(config)).toThrow(message);
  });
});

describe("VPC settings", () => {
  const vpc = {
    subnetIds: ["subnet-0a1b2c3d", "subnet-0a1b2c3e"],
    securityGroupIds: ["sg-0a1b2c3d"],
  };

  it("put every function in the configured VPC and grant the permissions that Lambda needs", () => {
    const template = configured({ functions: { vpc } });
    template.allResourcesProperties("AWS::Lambda::Function", {
      VpcConfig: { SubnetIds: vpc.subnetIds, SecurityGroupIds: vpc.securityGroupIds },
    });
    expect(allowed(template, "Authorizer", '"*"')).toContain("ec2:CreateNetworkInterface");
    template.allResourcesProperties("AWS::IAM::Role", { ManagedPolicyArns: Match.absent() });
  });

  it("use the given VPC and security groups, or create a security group", () => {
    const props = (own: boolean) => (stack: Stack) => {
      const network = new Vpc(stack, "Network") as IVpc;
      const securityGroups = [new SecurityGroup(stack, "Own", { vpc: network }) as ISecurityGroup];
      return { vpc: network, ...(own && { securityGroups }) };
    };
    const groups = (own: boolean) => {
      const template = alone(props(own)).template();
      const config = getFunction(template, "Authorizer").VpcConfig;
      expect(config.SubnetIds.length).toBeGreaterThanOrEqual(2);
      return JSON.stringify(config.SecurityGroupIds);
    };
    expect(groups(true)).toContain("Own");
    expect(groups(false)).toContain("OamSecurityGroup");
  });

  it("are absent by default and rejected without security groups", () => {
    expect(getFunction(configured({}), "Authorizer")).not.toHaveProperty("VpcConfig");
    expect(() => configured({ functions: { vpc: { ...vpc, securityGroupIds: [] } } })).toThrow(
      /functions\.vpc\.securityGroupIds/,
    );
  });
});

describe("attach with an API that the stack can't serve", () => {
  const EU = { account: "111122223333", region: "eu-west-1" };

  function attach(
    ours: { account: string; region: string } | undefined,
    theirs: { account: string; region: string } | undefined,
    props: (shop: Stack, app: App) => OAuthMonitoringProps = () => ({}),
  ): App {
    const app = new App();
    const shop = new Stack(app, "Shop", { ...(theirs && { env: theirs }) });
    const stack = new Stack(app, "Watch", { ...(ours && { env: ours }) });
    const api = new RestApi(shop, "Orders");
    api.root.addMethod("GET", new MockIntegration());
    new OAuthMonitoring(stack, "Oam", props(shop, app)).attach(api);
    return app;
  }

  it.each([
    ["account", EU, { ...EU, account: "444455556666" }],
    ["region", EU, { ...EU, region: "us-east-1" }],
    ["environment if one of them is unknown", EU, undefined],
  ])("rejects an API in a different %s and says what to do", (_, ours, theirs) => {
    expect(() => attach(ours, theirs)).toThrow(
      /^Shop\/Orders is deployed to aws:\/\/.* and Watch\/Oam to aws:\/\/111122223333\/eu-west-1: .*Give both stacks the same env, or deploy a separate OAuthMonitoring/,
    );
  });

  it.each<[string, (theirs: Stack) => ProtectedTarget | ProtectedHttpTarget]>([
    ["an HTTP API", (theirs) => new HttpApi(theirs, "Orders")],
    [
      "an imported REST API",
      (theirs) =>
        RestApi.fromRestApiAttributes(theirs, "Orders", {
          restApiId: "a1b2c3",
          rootResourceId: "r1",
        }),
    ],
    [
      "an imported HTTP API",
      (theirs) => HttpApi.fromHttpApiAttributes(theirs, "Orders", { httpApiId: "a1b2c3" }),
    ],
  ])("rejects every kind of API in a different environment: %s", (_, make) => {
    for (const env of [{ ...EU, account: "444455556666" }, { ...EU, region: "us-east-1" }, {}]) {
      const app = new App();
      const theirs = new Stack(app, "Shop", { env });
      const monitoring = new OAuthMonitoring(new Stack(app, "Watch", { env: EU }), "Oam");
      const target = make(theirs);
      expect(() => {
        if ("httpApiId" in target) monitoring.attach(target as ProtectedHttpTarget);
        else monitoring.attach(target as ProtectedTarget);
      }).toThrow(
        /^Shop\/Orders is deployed to aws:.*docs\/attach\.md explains how to collect their events/,
      );
    }
  });

  it("assumes the account and region of the importing stack for an imported API", () => {
    const app = new App();
    const stack = new Stack(app, "Watch", { env: EU });
    const api = RestApi.fromRestApiAttributes(stack, "Orders", {
      restApiId: "a1b2c3",
      rootResourceId: "r1",
    });
    new OAuthMonitoring(stack, "Oam").attach(api);
    Template.fromStack(stack).hasResourceProperties("AWS::Lambda::Permission", {
      SourceArn: {
        "Fn::Join": [
          "",
          Match.arrayWith([":execute-api:eu-west-1:111122223333:a1b2c3/authorizers/"]),
        ],
      },
    });
  });

  it.each<[string, (shop: Stack) => OAuthMonitoringProps]>([
    ["alarmTopic", (shop) => ({ alarmTopic: new Topic(shop, "Pages") as ITopic })],
    ["encryptionKey", (shop) => ({ encryptionKey: new Key(shop, "Pages") })],
    ["vpc", (shop) => ({ vpc: new Vpc(shop, "Pages") as IVpc })],
  ])(
    "rejects an API whose stack contains the %s, because the stacks would depend on each other",
    (name, props) => {
      expect(() => attach(EU, EU, props)).toThrow(
        `Shop/Pages, the ${name} of Watch/Oam, is in the stack of Shop/Orders, so the two stacks would depend on each other. Move it`,
      );
    },
  );

  it("accepts a topic from a third stack and an imported topic", () => {
    const third = attach(EU, EU, (_, app) => ({
      alarmTopic: new Topic(new Stack(app, "Base", { env: EU }), "Pages") as ITopic,
    }));
    expect(() => third.synth()).not.toThrow();
    const imported = attach(EU, EU, (shop) => ({
      alarmTopic: Topic.fromTopicArn(shop, "Pages", TOPIC_ARN),
    }));
    expect(() => imported.synth()).not.toThrow();
  });
});

describe("failed first deployment", () => {
  it("leaves only the tables behind, because a rollback can't remove their deletion protection", () => {
    const stack = new OAuthMonitoringStack(new App(), "Product", {
      config: { ocsfExport: { enabled: true } },
    });
    const resources = Object.values(Template.fromStack(stack).toJSON().Resources) as {
      Type: string;
      DeletionPolicy?: string;
      UpdateReplacePolicy?: string;
    }[];
    const retained = resources.filter(({ DeletionPolicy }) => DeletionPolicy === "Retain");
    const types = new Set(retained.map(({ Type }) => Type));
    // CDK retains the API Gateway role and account setting, because other APIs in the region may
    // use them by then. The export's log stream is deleted with the log group.
    expect(
      [...types].filter((type) => !/ApiGateway::Account|IAM::Role|LogStream/.test(type)),
    ).toEqual(["AWS::DynamoDB::Table"]);
    const kept = resources.filter(
      ({ DeletionPolicy }) => DeletionPolicy === "RetainExceptOnCreate",
    );
    expect(new Set(kept.map(({ Type }) => Type))).toEqual(
      new Set(["AWS::KMS::Key", "AWS::SQS::Queue", "AWS::Logs::LogGroup", "AWS::S3::Bucket"]),
    );
    for (const { UpdateReplacePolicy } of kept) expect(UpdateReplacePolicy).toBe("Retain");
  });
});

describe("two constructs in one stack", () => {
  it("watch separate metrics", () => {
    const stack = new Stack(new App(), "Shop");
    for (const id of ["First", "Second"]) {
      new OAuthMonitoring(stack, id, { config: { ocsfExport: { enabled: true } } });
    }
    const watched = Object.values(
      Template.fromStack(stack).findResources("AWS::CloudWatch::Alarm"),
    ).map(({ Properties: { Namespace, MetricName, Dimensions, Metrics } }) =>
      JSON.stringify([Namespace, MetricName, Dimensions, Metrics]),
    );
    expect(watched.length).toBeGreaterThan(50);
    expect(watched).toHaveLength(new Set(watched).size);
  });
});

describe("event buffer queue", () => {
  it.each([0, 1, 300])(
    "hides a batch for six times the function timeout plus the batch window of %i seconds",
    (batchWindowSeconds) => {
      const template = configured({ subscriber: { batchWindowSeconds, batchSize: 10 } });
      template.hasResourceProperties("AWS::SQS::Queue", {
        VisibilityTimeout: 6 * 60 + batchWindowSeconds,
      });
    },
  );
});

describe("web ACL", () => {
  it("counts legitimate requests without blocking them, so that the authorizer sees and records them", () => {
    const stack = new OAuthMonitoringStack(new App(), "Product", {
      config: { api: { waf: { enabled: true } } },
    });
    const [acl] = Object.values(Template.fromStack(stack).findResources("AWS::WAFv2::WebACL"));
    const overrides = acl?.Properties.Rules.flatMap(
      (rule: { Statement: { ManagedRuleGroupStatement?: { RuleActionOverrides: unknown[] } } }) =>
        rule.Statement.ManagedRuleGroupStatement?.RuleActionOverrides ?? [],
    );
    for (const Name of ["NoUserAgent_HEADER", "SizeRestrictions_BODY", "CrossSiteScripting_BODY"]) {
      expect(overrides).toContainEqual({ Name, ActionToUse: { Count: {} } });
    }
  });
});

describe("cost estimate", () => {
  it.each([
    [false, ALARM_METRICS],
    [true, ALARM_METRICS + EXPORT_ALARM_METRICS],
  ])("includes the metrics that alarms watch, with export enabled: %s", (enabled, count) => {
    const config = { ocsfExport: { enabled } };
    const alarms = Object.values(
      Template.fromStack(new OAuthMonitoringStack(new App(), "Product", { config })).findResources(
        "AWS::CloudWatch::Alarm",
      ),
    );
    const metrics = alarms.map(
      ({ Properties: { Metrics } }) =>
        (Metrics as { MetricStat?: unknown }[] | undefined)?.filter(({ MetricStat }) => MetricStat)
          .length ?? 1,
    );
    expect(metrics.reduce((sum, each) => sum + each, 0)).toBe(count);
  });
});
