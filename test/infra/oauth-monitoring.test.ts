import { App, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { MockIntegration, RestApi } from "aws-cdk-lib/aws-apigateway";
import { UserPool } from "aws-cdk-lib/aws-cognito";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { describe, expect, it } from "vitest";
import { OAuthMonitoring } from "../../infra/oauth-monitoring.ts";
import { OAuthMonitoringStack } from "../../infra/oauth-monitoring-stack.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";

/** Returns the template of the construct with the given configuration. */
function templateWith(config: MonitoringConfigInput): Template {
  const stack = newStack();
  new OAuthMonitoring(stack, "OAuthMonitoring", { config });
  return Template.fromStack(stack);
}

/** Creates a stack without bundling. */
function newStack(): Stack {
  const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
  return new Stack(app, "Shop");
}

describe("OAuthMonitoring", () => {
  it("attaches to an existing RestApi in two lines", () => {
    const stack = newStack();
    const api = new RestApi(stack, "Orders");
    const orders = api.root.addResource("orders");

    const monitoring = new OAuthMonitoring(stack, "OAuthMonitoring");
    monitoring.attach(api);

    orders.addMethod("GET", new MockIntegration());
    orders.addMethod("POST", new MockIntegration());
    const template = Template.fromStack(stack);
    template.resourceCountIs("AWS::ApiGateway::RestApi", 1);
    template.resourceCountIs("AWS::ApiGateway::Authorizer", 1);
    template.resourcePropertiesCountIs(
      "AWS::ApiGateway::Method",
      { AuthorizationType: "CUSTOM", AuthorizerId: Match.anyValue() },
      2,
    );
    template.hasResourceProperties("AWS::ApiGateway::GatewayResponse", {
      ResponseType: "UNAUTHORIZED",
      StatusCode: "401",
    });
    const functions = Object.keys(template.findResources("AWS::Lambda::Function"));
    expect(functions.filter((id) => /Sample|Stats/.test(id))).toEqual([]);
  });

  it("archives events for the configured time and has no archive output without an archive", () => {
    const archives = (archive: MonitoringConfigInput["archive"]) =>
      templateWith({ archive }).findResources("AWS::Events::Archive");
    expect(Object.values(archives({ retentionDays: 7 }))).toMatchObject([
      { Properties: { RetentionDays: 7 } },
    ]);
    expect(archives({ enabled: false })).toEqual({});
    const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
    const config = { archive: { enabled: false } };
    const outputs = Template.fromStack(new OAuthMonitoringStack(app, "Product", { config }));
    expect(Object.keys(outputs.findOutputs("*"))).not.toContain("ArchiveArn");
  });

  it("protects two APIs, each with its own authorizer", () => {
    const stack = newStack();
    const monitoring = new OAuthMonitoring(stack, "OAuthMonitoring");
    for (const name of ["Orders", "Billing"]) {
      const api = new RestApi(stack, name);
      api.root.addMethod("GET", new MockIntegration());
      monitoring.attach(api);
    }
    Template.fromStack(stack).resourceCountIs("AWS::ApiGateway::Authorizer", 2);
  });

  it("protects APIs with the same construct ID, even Api, which is also the admin API's ID", () => {
    const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
    const stack = new OAuthMonitoringStack(app, "Product");
    for (const scope of [new Construct(stack, "Orders"), new Construct(stack, "Billing"), stack]) {
      const api = new RestApi(scope, "Api");
      api.root.addMethod("GET", new MockIntegration());
      stack.monitoring.attach(api);
    }
    Template.fromStack(stack).resourceCountIs("AWS::ApiGateway::Authorizer", 4);
  });

  it("protects an API in a different stack, which then depends on the construct's stack, but not vice versa", () => {
    const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
    const monitoringStack = new Stack(app, "Monitoring");
    const shop = new Stack(app, "Shop");
    const monitoring = new OAuthMonitoring(monitoringStack, "OAuthMonitoring");
    const api = new RestApi(shop, "Orders");
    api.root.addMethod("GET", new MockIntegration());
    monitoring.attach(api);

    const template = Template.fromStack(shop);
    expect(shop.dependencies).toEqual([monitoringStack]);
    expect(monitoringStack.dependencies).toEqual([]);
    template.resourceCountIs("AWS::ApiGateway::Authorizer", 1);
    template.hasResourceProperties("AWS::Lambda::Permission", {
      Action: "lambda:InvokeFunction",
      Principal: "apigateway.amazonaws.com",
      SourceArn: Match.anyValue(),
    });
    template.hasResourceProperties("AWS::CloudWatch::Alarm", {
      Metrics: Match.arrayWith([
        Match.objectLike({
          MetricStat: Match.objectLike({ Metric: Match.objectLike({ MetricName: "5XXError" }) }),
        }),
      ]),
    });
  });

  it("deletes its data with the stack when configured", () => {
    const stack = newStack();
    new OAuthMonitoring(stack, "OAuthMonitoring", { config: { removalPolicy: "destroy" } });
    const template = Template.fromStack(stack);
    template.allResources("AWS::DynamoDB::Table", { DeletionPolicy: "Delete" });
    template.allResourcesProperties("AWS::DynamoDB::Table", { DeletionProtectionEnabled: false });
  });

  it.each<[string, MonitoringConfigInput, RegExp]>([
    [
      "security events kept less than 90 days",
      { retention: { daysByEventType: { auth_failed: 30 } } },
      /retention\.daysByEventType\.auth_failed: auth_failed is a security event type and must be kept at least 90 days, not 30/,
    ],
    [
      "fewer shards read than written",
      { shards: { events: { write: 8, read: 4 } } },
      /Raise read \(4\) to at least write \(8\)/,
    ],
    ["a key that does not exist", { retentoin: {} } as never, /retentoin/],
    [
      "a path that isn't a pattern",
      { routes: [{ path: "orders", scopes: [] }] },
      /routes\.0\.path/,
    ],
    [
      "a batch size that needs a batch window",
      { subscriber: { batchSize: 11, batchWindowSeconds: 0 } },
      /subscriber\.batchWindowSeconds: .*Set batchWindowSeconds to at least 1/,
    ],
    ["a scope with a space", { routes: [{ path: "/a", scopes: ["a b"] }] }, /scopes/],
  ])("rejects %s at synthesis", (_, config, message) => {
    expect(() => new OAuthMonitoring(newStack(), "OAuthMonitoring", { config })).toThrow(message);
  });
});

describe("identity provider event sources", () => {
  it("have a rule on the event bus that receives their events", () => {
    const auth0 = "aws.partner/auth0.com/tenant-1a2b/auth0.logs";
    const template = templateWith({
      providers: { partnerEventBuses: [auth0], cognito: true },
    });
    template.hasResourceProperties("AWS::Events::Rule", {
      EventBusName: auth0,
      EventPattern: { source: [auth0] },
      Targets: [Match.objectLike({ DeadLetterConfig: Match.anyValue() })],
    });
    template.hasResourceProperties("AWS::Events::Rule", {
      EventBusName: Match.absent(),
      EventPattern: { source: ["aws.cognito-idp"] },
    });
  });

  it("are rejected when the bus isn't a partner event bus", () => {
    expect(() => templateWith({ providers: { partnerEventBuses: ["my-bus"] } })).toThrow(
      /partner event bus of auth0.com or okta.com/,
    );
  });
});

describe("other issuers", () => {
  const secretArn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:api-AbCdEf";
  const issuers: MonitoringConfigInput["issuers"] = [
    { issuer: "https://login.example.com", audiences: ["api"], idPrefix: "a:" },
    {
      issuer: "https://sso.example.com",
      idPrefix: "b:",
      verification: "introspection",
      introspection: { clientId: "api", secretArn },
    },
  ];
  /** Returns the actions that roles are granted only because of `issuers`. */
  const addedBy = (configured: MonitoringConfigInput["issuers"]) => {
    const statements = (config: MonitoringConfigInput) => {
      const stack = newStack();
      const monitoring = new OAuthMonitoring(stack, "OAuthMonitoring", { config });
      const api = new RestApi(stack, "Orders");
      monitoring.attach(api);
      api.root.addMethod("GET", new MockIntegration());
      const policies = Template.fromStack(stack).findResources("AWS::IAM::Policy");
      return Object.entries(policies).flatMap(([id, { Properties }]) =>
        (
          Properties.PolicyDocument.Statement as { Action: string | string[]; Resource: unknown }[]
        ).flatMap(({ Action, Resource }) =>
          [Action].flat().map((action) => `${id} ${action} ${JSON.stringify(Resource)}`),
        ),
      );
    };
    const before = new Set(statements({}));
    return statements({ issuers: configured }).filter((each) => !before.has(each));
  };

  it("allow only the authorizer to read revocations and the configured secrets", () => {
    const added = addedBy(issuers);
    expect(added.every((each) => each.includes("Authorizer"))).toBe(true);
    expect(added.some((each) => /dynamodb:BatchGetItem .*Tokens/.test(each))).toBe(true);
    expect(
      added.some((each) => each.includes(`secretsmanager:GetSecretValue "${secretArn}"`)),
    ).toBe(true);
    expect(addedBy(issuers.slice(0, 1)).join()).not.toContain("secretsmanager");
    expect(addedBy([])).toEqual([]);
  });

  it("let a custom function with grantAuthorize read the same data as the authorizer", () => {
    const stack = newStack();
    const monitoring = new OAuthMonitoring(stack, "OAuthMonitoring", { config: { issuers } });
    const role = new Role(stack, "Adapter", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
    });
    monitoring.grantAuthorize(role);
    const [{ Properties } = { Properties: undefined }] = Object.entries(
      Template.fromStack(stack).findResources("AWS::IAM::Policy"),
    ).flatMap(([id, policy]) => (id.startsWith("Adapter") ? [policy] : []));
    const text = JSON.stringify(Properties);
    expect(text).toContain("dynamodb:BatchGetItem");
    expect(text).toContain(secretArn);
  });

  it("let only a custom function, not the authorizer, read the DPoP nonce secret", () => {
    const stack = newStack();
    const nonces = new Secret(stack, "Nonces");
    const monitoring = new OAuthMonitoring(stack, "OAuthMonitoring", {
      config: { issuers, dpop: { nonce: { secretArn: nonces.secretArn } } },
    });
    const api = new RestApi(stack, "Orders");
    api.root.addMethod("GET", new MockIntegration());
    monitoring.attach(api);
    const role = new Role(stack, "Adapter", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
    });
    monitoring.grantAuthorize(role);
    const readers = Object.entries(Template.fromStack(stack).findResources("AWS::IAM::Policy"))
      .filter(([, policy]) => JSON.stringify(policy).includes('"Ref":"Nonces'))
      .map(([id]) => id);
    expect(readers).toHaveLength(1);
    expect(readers[0]).toMatch(/^Adapter/);
  });

  it("can be a user pool in the same app whose ID is known only at deployment", () => {
    const stack = newStack();
    const pool = new UserPool(stack, "Pool");
    const client = pool.addClient("Client");
    const secret = new Secret(stack, "ClientSecret");
    const [, introspected] = issuers;
    const monitoring = new OAuthMonitoring(stack, "OAuthMonitoring", {
      config: {
        issuers: [
          {
            issuer: pool.userPoolProviderUrl,
            provider: "cognito",
            clientIds: [client.userPoolClientId],
            idPrefix: "pool:",
          },
          {
            ...(introspected as object),
            introspection: { clientId: "api", secretArn: secret.secretArn },
          } as never,
        ],
      },
    });
    const api = new RestApi(stack, "Orders");
    api.root.addMethod("GET", new MockIntegration());
    monitoring.attach(api);
    const template = Template.fromStack(stack);
    const variables = Object.values(template.findResources("AWS::Lambda::Function"))
      .map(({ Properties }) => Properties.Environment.Variables.OAUTH_MONITORING_DEPLOY_TIME_VALUES)
      .filter(Boolean);
    const text = JSON.stringify(variables[0]);
    expect(text).toContain('{"Fn::GetAtt":["Pool');
    expect(text).toContain('"ProviderURL"]}');
    expect(text).toContain('{"Ref":"PoolClient');
    expect(JSON.stringify(monitoring.environment)).not.toContain("known-at-deployment");
    expect(JSON.stringify(template.findResources("AWS::IAM::Policy"))).toMatch(
      /"secretsmanager:GetSecretValue"[^}]*"Resource":\{"Ref":"ClientSecret/,
    );
    // Values that are known at synthesis are still validated.
    expect(
      () =>
        new OAuthMonitoring(stack, "Other", {
          config: { issuers: [{ issuer: pool.userPoolProviderUrl, provider: "cognito" }] },
        }),
    ).toThrow(/clientIds/);
  });
});
