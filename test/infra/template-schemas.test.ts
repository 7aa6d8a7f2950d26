import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import { MockIntegration, RestApi } from "aws-cdk-lib/aws-apigateway";
import { afterAll, describe, expect, it } from "vitest";
import { OAuthMonitoring } from "../../infra/oauth-monitoring.ts";
import { OAuthMonitoringStack } from "../../infra/oauth-monitoring-stack.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { ENDPOINTS } from "../provider-endpoints.ts";
import { NOTIFICATIONS, SIGNALS } from "../signals-config.ts";
import { checkTemplate } from "./cloudformation/check-template.ts";
import type { CfnTemplate } from "./cloudformation/template-shape.ts";

const EVERYTHING: MonitoringConfigInput = {
  ocsfExport: { enabled: true },
  ipEnrichment: { databases: ["country.mmdb"] },
  signals: SIGNALS,
  notifications: NOTIFICATIONS,
  api: { waf: { enabled: true } },
  providers: {
    partnerEventBuses: ["aws.partner/auth0.com/tenant-1a2b/auth0.logs"],
    cognito: true,
    endpoints: ENDPOINTS,
  },
  functions: {
    reservedConcurrency: { Authorizer: 400, Subscriber: 20 },
    authorizerProvisionedConcurrency: 20,
    vpc: { subnetIds: ["subnet-0a1b2c3d"], securityGroupIds: ["sg-0a1b2c3d"] },
  },
};

/** Builds an app with every kind of REST API that `attach` accepts. */
function attached(app: App): void {
  const stack = new Stack(app, "Watch");
  const monitoring = new OAuthMonitoring(stack, "Oam", { authorizerProvisionedConcurrency: 1 });
  for (const scope of [stack, new Stack(app, "Shop")]) {
    const api = new RestApi(scope, "Orders", {
      defaultCorsPreflightOptions: { allowOrigins: ["https://shop.example"] },
    });
    api.root.addResource("orders").addMethod("GET", new MockIntegration());
    monitoring.attach(api);
  }
  const imported = RestApi.fromRestApiAttributes(stack, "Imported", {
    restApiId: "a1b2c3",
    rootResourceId: "r1",
  });
  imported.root.addResource("late").addMethod("GET", new MockIntegration());
  monitoring.attach(imported, { gatewayResponses: { denialChallenge: "fixed" } });
}

/** The templates to check, by name. */
const TEMPLATES = new Map<string, CfnTemplate>(
  (
    [
      ["the defaults", (app) => new OAuthMonitoringStack(app, "Product")],
      [
        "everything enabled",
        (app) => new OAuthMonitoringStack(app, "Product", { config: EVERYTHING }),
      ],
      ["attached APIs: same stack, other stack, imported", attached],
      [
        "two constructs in one stack, with everything enabled",
        (app) => {
          const stack = new Stack(app, "Two");
          // Provider endpoints need the admin API, and two admin APIs exceed the number of resources per
          // stack.
          const config = { ...EVERYTHING, providers: { ...EVERYTHING.providers, endpoints: [] } };
          for (const id of ["First", "Second"]) new OAuthMonitoring(stack, id, { config });
        },
      ],
    ] as readonly [string, (app: App) => void][]
  ).flatMap(([name, build]) => {
    const app = new App();
    build(app);
    return app
      .synth()
      .stacks.map(({ id, template }) => [`${name}: ${id}`, template as CfnTemplate] as const);
  }),
);

const names = [...TEMPLATES.keys()];
const getTemplate = (name: string) => TEMPLATES.get(name) as CfnTemplate;

describe("every template", () => {
  it.each(names)("is valid for CloudFormation and within the service limits: %s", (name) => {
    const template = getTemplate(name);
    expect(Object.keys(template.Resources).length).toBeGreaterThan(5);
    expect(checkTemplate(template)).toEqual([]);
  });
});

type Properties = Record<string, unknown>;

/** Makes the first resource of a type invalid and returns the errors found. */
function planted(
  type: string,
  plant: (properties: Properties, id: string, all: Properties) => void,
) {
  const template = structuredClone(getTemplate("everything enabled: Product"));
  const [id, resource] =
    Object.entries(template.Resources).find(([, { Type }]) => Type === type) ?? [];
  if (!id || !resource) throw new Error(`the template has no ${type}`);
  plant(resource.Properties as Properties, id, template.Resources as unknown as Properties);
  return checkTemplate(template);
}

describe("checkTemplate", () => {
  it.each<[string, string, Parameters<typeof planted>[1], RegExp]>([
    [
      "an unknown property",
      "AWS::SQS::Queue",
      (queue) => {
        queue.VisibilityTimeOut = 3;
      },
      /there is no property VisibilityTimeOut/,
    ],
    [
      "an unknown nested property",
      "AWS::Events::Archive",
      (_, __, all) => {
        const rule = Object.values(all).find(
          (each) => (each as { Type: string }).Type === "AWS::Events::Rule",
        ) as { Properties: { Targets: { RetryPolicy: Properties }[] } };
        (rule.Properties.Targets[0] as { RetryPolicy: Properties }).RetryPolicy = { Attempts: 3 };
      },
      /Targets\.0\.RetryPolicy: there is no property Attempts/,
    ],
    [
      "a missing required property",
      "AWS::ApiGateway::GatewayResponse",
      (response) => {
        delete response.ResponseType;
      },
      /ResponseType is required/,
    ],
    [
      "a string instead of an integer",
      "AWS::SQS::Queue",
      (queue) => {
        queue.VisibilityTimeout = "361";
      },
      /"361" is not an integer/,
    ],
    [
      "an object instead of a list",
      "AWS::Lambda::EventSourceMapping",
      (mapping) => {
        mapping.FunctionResponseTypes = {};
      },
      /FunctionResponseTypes: \{\} is not a list/,
    ],
    [
      "a list from an intrinsic function instead of a string",
      "AWS::SQS::Queue",
      (queue) => {
        queue.KmsMasterKeyId = { "Fn::Split": [",", "a,b"] };
      },
      /Fn::Split returns array, not string/,
    ],
    [
      "a value outside the enum",
      "AWS::Lambda::Function",
      (lambda) => {
        lambda.TracingConfig = { Mode: "Passive" };
      },
      /TracingConfig\.Mode: "Passive" is not one of Active, PassThrough/,
    ],
    [
      "a read-only property",
      "AWS::SQS::Queue",
      (queue) => {
        queue.Arn = "arn";
      },
      /Arn is read-only/,
    ],
    [
      "a resource type that does not exist",
      "AWS::SQS::Queue",
      (_, id, all) => {
        (all[id] as Properties).Type = "AWS::SQS::Queues";
      },
      /there is no resource type AWS::SQS::Queues/,
    ],
    [
      "a reference to an unknown resource",
      "AWS::SQS::Queue",
      (queue) => {
        queue.KmsMasterKeyId = { Ref: "Nothing" };
      },
      /there is no resource or parameter Nothing/,
    ],
    [
      "an attribute that does not exist",
      "AWS::SQS::Queue",
      (queue, id) => {
        queue.KmsMasterKeyId = { "Fn::GetAtt": [id, "Url"] };
      },
      /has no attribute Url/,
    ],
    [
      "a circular dependency",
      "AWS::KMS::Key",
      (key, _, all) => {
        const queue = Object.keys(all).find(
          (id) => (all[id] as { Type: string }).Type === "AWS::SQS::Queue",
        );
        key.Description = { "Fn::GetAtt": [queue, "QueueName"] };
      },
      /depends on itself: .* → /,
    ],
    [
      "a string that is too long",
      "AWS::Lambda::Function",
      (lambda) => {
        lambda.Description = "x".repeat(257);
      },
      /has 257 characters, more than 256/,
    ],
    [
      "an environment that is too large",
      "AWS::Lambda::Function",
      (lambda) => {
        lambda.Environment = { Variables: { A: "x".repeat(4096) } };
      },
      /has 4097 bytes, more than 4096/,
    ],
    [
      "a number outside its range",
      "AWS::SQS::Queue",
      (queue) => {
        queue.MessageRetentionPeriod = 1_209_601;
      },
      /1209601 is not within 60 to 1209600/,
    ],
    [
      "a string that doesn't match its pattern",
      "AWS::WAFv2::WebACL",
      (acl) => {
        acl.Description = "What's this?";
      },
      /does not match/,
    ],
    [
      "a header that isn't a mapping expression",
      "AWS::ApiGateway::GatewayResponse",
      (response) => {
        response.ResponseParameters = { "gatewayresponse.header.A": "text" };
      },
      /text does not match/,
    ],
    [
      "two gateway responses of the same type",
      "AWS::ApiGateway::GatewayResponse",
      (_, id, all) => {
        all.Again = structuredClone(all[id]);
      },
      /Again: has the same type and API as/,
    ],
    [
      "an undefined key attribute",
      "AWS::DynamoDB::Table",
      (table) => {
        table.KeySchema = [{ AttributeName: "nothing", KeyType: "HASH" }];
      },
      /the key nothing is not defined/,
    ],
    [
      "an unknown UpdateReplacePolicy",
      "AWS::SQS::Queue",
      (_, id, all) => {
        (all[id] as Properties).UpdateReplacePolicy = "RetainExceptOnCreate";
      },
      /UpdateReplacePolicy RetainExceptOnCreate is not one of/,
    ],
    [
      "more resources than a template may have",
      "AWS::SQS::Queue",
      (_, id, all) => {
        for (let index = 0; index < 500; index += 1) all[`Q${index}`] = all[id];
      },
      /Resources: has \d+ members, more than 500/,
    ],
    [
      "a template that is too large",
      "AWS::KMS::Key",
      (key) => {
        key.Tags = [{ Key: "a", Value: "x".repeat(1_000_000) }];
      },
      /template: has \d+ bytes/,
    ],
  ])("detects %s", (_, type, plant, error) => {
    expect(planted(type, plant).join("\n")).toMatch(error);
  });
});

/** cfn-lint also checks the schema patterns. It needs Python, which isn't available on every machine. */
const hasLinter = spawnSync("cfn-lint", ["--version"]).status === 0;

describe.skipIf(!hasLinter)("cfn-lint", () => {
  const directory = mkdtempSync(join(tmpdir(), "oauth-monitoring-lint-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it("reports no errors in the largest template", () => {
    const file = join(directory, "everything.template.json");
    writeFileSync(file, JSON.stringify(getTemplate("everything enabled: Product")));
    const { stdout } = spawnSync("cfn-lint", ["--ignore-checks", "W", "--", file], {
      encoding: "utf8",
    });
    expect(stdout).toBe("");
  });
});
