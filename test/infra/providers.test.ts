import { App, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { describe, expect, it } from "vitest";
import { KEY_READS, KEY_WRITES } from "../../infra/constructs/grants.ts";
import { OAuthMonitoring } from "../../infra/oauth-monitoring.ts";
import { OAuthMonitoringStack } from "../../infra/oauth-monitoring-stack.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { ENDPOINTS } from "../provider-endpoints.ts";

/** Returns the template of a stack without bundling. */
function synthesize(providers: MonitoringConfigInput["providers"]): Template {
  const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
  return Template.fromStack(new OAuthMonitoringStack(app, "Product", { config: { providers } }));
}

const acme = { name: "acme", fields: { code: "$.event" } };

describe("provider mapping", () => {
  it("delivers the provider's events from any bus to the buffer and the archive", () => {
    const partnerEventBus = "aws.partner/example.com/tenant/stream";
    const template = synthesize({ mappings: [acme, { ...acme, name: "other", partnerEventBus }] });
    const source = [
      "oauth.monitoring",
      "oauth.keycloak",
      "oauth.entra",
      "oauth.ping",
      "oauth.acme",
    ];
    template.hasResourceProperties("AWS::Events::Rule", { EventPattern: { source } });
    template.hasResourceProperties("AWS::Events::Archive", { EventPattern: { source } });
    template.hasResourceProperties("AWS::Events::Rule", {
      EventBusName: partnerEventBus,
      EventPattern: { source: [partnerEventBus] },
      Targets: [Match.objectLike({ DeadLetterConfig: Match.anyValue() })],
    });
  });

  it("fails synthesis and names the key when a path isn't a JSONPath", () => {
    const mappings = [acme, { ...acme, name: "other", fields: { code: "$.a", ip: "$.b[" } }];
    expect(() => synthesize({ mappings })).toThrow(
      /providers\.mappings\.1\.fields\.ip: invalid JSONPath \(RFC 9535/,
    );
  });
});

describe("provider endpoint", () => {
  const template = synthesize({ endpoints: ENDPOINTS });
  const [entra, , okta] = ENDPOINTS;

  /** Returns the methods of the provider endpoint. */
  const methods = (of: Template) => {
    const paths = Object.entries(of.findResources("AWS::ApiGateway::Resource")).filter(
      ([id, { Properties }]) => Properties.PathPart === "events" && id.includes("provider"),
    );
    const ids = new Set(paths.map(([id]) => id));
    return Object.values(of.findResources("AWS::ApiGateway::Method"))
      .map(({ Properties }) => Properties)
      .filter(({ ResourceId }) => ids.has(ResourceId.Ref));
  };

  it("adds nothing to the template without configuration", () => {
    const absent = synthesize({}).toJSON();
    const { Outputs, Resources } = absent;
    expect(JSON.stringify({ Outputs, Resources })).not.toMatch(
      /provider-?endpoint|providers\/|ProviderRequestsRejected/i,
    );
    expect(synthesize({ endpoints: [] }).toJSON()).toEqual(absent);
  });

  it("is an open route with its own throttling and allows GET only for Okta's verification", () => {
    const open = (method: string) => ({ HttpMethod: method, AuthorizationType: "NONE" });
    const byMethod = (of: Template) =>
      methods(of).sort((a, b) => a.HttpMethod.localeCompare(b.HttpMethod));
    expect(byMethod(template)).toMatchObject([open("GET"), open("POST")]);
    expect(byMethod(synthesize({ endpoints: [entra] }))).toMatchObject([open("POST")]);
    template.hasResourceProperties("AWS::ApiGateway::Stage", {
      MethodSettings: Match.arrayWith([
        Match.objectLike({
          HttpMethod: "POST",
          ResourcePath: "/~1providers~1{provider}~1events",
          ThrottlingRateLimit: 100,
          ThrottlingBurstLimit: 200,
        }),
      ]),
    });
  });

  it("can only put events on the bus and read the configured secrets", () => {
    const policies = Object.entries(template.findResources("AWS::IAM::Policy"));
    const [policy] = policies.filter(([id]) => id.includes("ProviderEndpointRole"));
    const statements = policy?.[1].Properties.PolicyDocument.Statement as {
      readonly Action: string | string[];
      readonly Resource: unknown;
    }[];
    const findResources = (action: string) =>
      statements
        .filter(({ Action }) => [Action].flat().includes(action))
        .flatMap(({ Resource }) => Resource);
    expect(new Set(statements.flatMap(({ Action }) => Action))).toEqual(
      new Set([
        "events:PutEvents",
        "secretsmanager:GetSecretValue",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "dynamodb:UpdateItem",
        ...KEY_READS,
        ...KEY_WRITES,
      ]),
    );
    expect(findResources("dynamodb:UpdateItem")).toEqual([
      { "Fn::GetAtt": [expect.stringMatching(/Counters/), "Arn"] },
    ]);
    expect(findResources("secretsmanager:GetSecretValue")).toEqual(
      ENDPOINTS.map(({ authentication }) => authentication.secretArn),
    );
    expect(findResources("events:PutEvents")).toEqual([
      { "Fn::GetAtt": [expect.stringContaining("EventFlowBus"), "Arn"] },
    ]);
  });

  it("has an alarm for unauthenticated requests", () => {
    template.hasResourceProperties("AWS::CloudWatch::Alarm", {
      MetricName: "RequestsUnauthenticated",
      Dimensions: Match.arrayWith([{ Name: "service", Value: "provider-endpoint" }]),
      Threshold: 20,
    });
  });

  it("is protected by the web ACL of the admin API", () => {
    const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
    const config = { providers: { endpoints: [okta] }, api: { waf: { enabled: true } } };
    const guarded = Template.fromStack(new OAuthMonitoringStack(app, "Product", { config }));
    expect(methods(guarded)).toHaveLength(2);
    guarded.resourceCountIs("AWS::ApiGateway::RestApi", 1);
    guarded.resourceCountIs("AWS::WAFv2::WebACLAssociation", 1);
  });

  it("accepts a secret from the same app and requires the admin API", () => {
    const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
    const stack = new Stack(app, "Shop");
    const secret = new Secret(stack, "OktaKey");
    const authentication = { kind: "bearer" as const, secretArn: secret.secretArn };
    const monitoring = new OAuthMonitoring(stack, "Monitoring", {
      config: { providers: { endpoints: [{ provider: "okta", authentication }] } },
    });
    expect(() => app.synth()).toThrow(/Call addAdminApi\(\), or remove the key/);
    monitoring.addAdminApi();
    expect(JSON.stringify(Template.fromStack(stack).findResources("AWS::IAM::Policy"))).toMatch(
      /"secretsmanager:GetSecretValue"[^}]*"Resource":\{"Ref":"OktaKey/,
    );
  });
});
