import { existsSync } from "node:fs";
import { join } from "node:path";
import { CloudFormationClient, GetTemplateCommand } from "@aws-sdk/client-cloudformation";
import { App, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import {
  AuthorizationType,
  CfnAuthorizer,
  Cors,
  MockIntegration,
  ResponseType,
  RestApi,
} from "aws-cdk-lib/aws-apigateway";
import { HttpApi, HttpMethod, HttpRoute, HttpRouteKey } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpIamAuthorizer } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { HttpUrlIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import { Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { describe, expect, it, vi } from "vitest";
import {
  constructIn,
  describeDeployedStack,
} from "../../cli/program/deployed-stack-description.ts";
import { OAuthMonitoring } from "../../infra/oauth-monitoring.ts";
import type { OAuthMonitoringProps } from "../../infra/oauth-monitoring-props.ts";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import { openMonitoring } from "../../shared/stack/open-monitoring.ts";

function scene(props: OAuthMonitoringProps = {}) {
  const stack = new Stack(new App(), "Shop");
  return {
    stack,
    api: new RestApi(stack, "Orders"),
    monitoring: new OAuthMonitoring(stack, "Oam", props),
  };
}

/** Creates a stack that contains only the construct. */
function alone(props: OAuthMonitoringProps = {}) {
  const stack = new Stack(new App(), "Shop");
  return { stack, monitoring: new OAuthMonitoring(stack, "Oam", props) };
}

const METHOD = "AWS::ApiGateway::Method";

/** Returns each method's authorization type, keyed by HTTP method and the resource's logical ID. */
function methods(stack: Stack): Record<string, string> {
  const found = Object.values(Template.fromStack(stack).findResources(METHOD));
  return Object.fromEntries(
    found.map(({ Properties: { HttpMethod, ResourceId, AuthorizationType: type } }) => [
      `${HttpMethod} ${ResourceId.Ref ?? "root"}`.replace(/[0-9A-F]{8}$/, ""),
      type,
    ]),
  );
}

const mock = () => new MockIntegration();

/** Creates an HTTP API in the construct's stack and returns how each route is authorized. */
function httpScene() {
  const { stack, monitoring } = alone();
  const api = new HttpApi(stack, "Orders");
  const add = (path: string, method: HttpMethod = HttpMethod.ANY) => {
    const integration = new HttpUrlIntegration("Orders", "https://orders.example.com");
    const [route] = api.addRoutes({ path, methods: [method], integration });
    return route as HttpRoute;
  };
  const authorization = () =>
    Object.fromEntries(
      Object.values(Template.fromStack(stack).findResources("AWS::ApiGatewayV2::Route")).map(
        ({ Properties }) => [Properties.RouteKey, Properties.AuthorizationType],
      ),
    );
  return { stack, monitoring, api, add, authorization };
}

describe("attach with an HTTP API", () => {
  it("protects every route, including routes added later or with HttpRoute, and leaves CORS preflights open", () => {
    const { stack, monitoring, api, add, authorization } = httpScene();
    add("/early", HttpMethod.GET);
    const open = add("/health");
    monitoring.attach(api, { except: [open] });
    add("/{proxy+}");
    add("/{proxy+}", HttpMethod.OPTIONS);
    new HttpRoute(stack, "Elsewhere", {
      httpApi: api,
      routeKey: HttpRouteKey.DEFAULT,
      integration: new HttpUrlIntegration("Else", "https://orders.example.com"),
    });
    expect(authorization()).toEqual({
      "GET /early": "CUSTOM",
      "ANY /health": "NONE",
      "ANY /{proxy+}": "CUSTOM",
      "OPTIONS /{proxy+}": "NONE",
      $default: "CUSTOM",
    });
    Template.fromStack(stack).hasResourceProperties("AWS::ApiGatewayV2::Authorizer", {
      AuthorizerType: "REQUEST",
      AuthorizerPayloadFormatVersion: "2.0",
      EnableSimpleResponses: true,
      AuthorizerResultTtlInSeconds: 0,
      IdentitySource: [],
    });
  });

  it("protects single routes, leaves other authorizers and APIs unchanged, and adds an alarm", () => {
    const { stack, monitoring, api, add, authorization } = httpScene();
    add("/open");
    const other = new HttpApi(stack, "Other");
    other.addRoutes({
      path: "/other",
      integration: new HttpUrlIntegration("Other", "https://orders.example.com"),
    });
    api.addRoutes({
      path: "/signed",
      authorizer: new HttpIamAuthorizer(),
      integration: new HttpUrlIntegration("Signed", "https://orders.example.com"),
    });
    const { authorizer } = monitoring.attach(add("/one"));
    expect(monitoring.attach(add("/two", HttpMethod.GET)).authorizer).toBe(authorizer);
    api.addRoutes({
      path: "/by-hand",
      authorizer,
      integration: new HttpUrlIntegration("Hand", "https://orders.example.com"),
    });
    expect(authorization()).toEqual({
      "ANY /open": "NONE",
      "ANY /other": "NONE",
      "ANY /signed": "AWS_IAM",
      "ANY /one": "CUSTOM",
      "GET /two": "CUSTOM",
      "ANY /by-hand": "CUSTOM",
    });
    const template = Template.fromStack(stack);
    template.resourceCountIs("AWS::ApiGatewayV2::Authorizer", 1);
    template.hasResourceProperties("AWS::CloudWatch::Alarm", {
      Metrics: Match.arrayWith([
        Match.objectLike({
          MetricStat: Match.objectLike({
            Metric: Match.objectLike({ Namespace: "AWS/ApiGateway", MetricName: "5xx" }),
          }),
        }),
      ]),
    });
    expect(() => monitoring.attach(api, { alarm: false })).toThrow("already attached");
  });

  it("protects an API in a different stack, which then depends on the construct's stack", () => {
    const app = new App();
    const monitoring = new OAuthMonitoring(new Stack(app, "Audit"), "Oam");
    const shop = new Stack(app, "Shop");
    const api = new HttpApi(shop, "Orders");
    api.addRoutes({
      path: "/orders",
      integration: new HttpUrlIntegration("Orders", "https://orders.example.com"),
    });
    monitoring.attach(api);
    app.synth();
    expect(shop.dependencies.map(({ stackName }) => stackName)).toEqual(["Audit"]);
    Template.fromStack(shop).hasResourceProperties("AWS::Lambda::Permission", {
      Action: "lambda:InvokeFunction",
      Principal: "apigateway.amazonaws.com",
    });
  });

  it("calls the authorizer's alias when provisioned concurrency is configured", () => {
    const { stack, monitoring } = alone({
      config: { functions: { authorizerProvisionedConcurrency: 2 } },
    });
    const api = new HttpApi(stack, "Orders");
    api.addRoutes({
      path: "/orders",
      integration: new HttpUrlIntegration("Orders", "https://orders.example.com"),
    });
    monitoring.attach(api);
    const template = Template.fromStack(stack);
    const [alias] = Object.keys(template.findResources("AWS::Lambda::Alias"));
    const [authorizer] = Object.values(template.findResources("AWS::ApiGatewayV2::Authorizer"));
    expect(JSON.stringify(authorizer?.Properties.AuthorizerUri)).toContain(`"Ref":"${alias}"`);
    template.hasResourceProperties("AWS::Lambda::Permission", { FunctionName: { Ref: alias } });
  });

  it("rejects an API in a different region and an API whose stack the construct depends on", () => {
    const elsewhere = new App();
    const here = new OAuthMonitoring(
      new Stack(elsewhere, "Audit", { env: { account: "111122223333", region: "eu-west-1" } }),
      "Oam",
    );
    const apiStack = new Stack(elsewhere, "Shop", {
      env: { account: "111122223333", region: "us-east-1" },
    });
    expect(() => here.attach(new HttpApi(apiStack, "Orders"))).toThrow(
      "API Gateway needs the authorizer in its own account and region",
    );
    const app = new App();
    const shop = new Stack(app, "Shop");
    const monitoring = new OAuthMonitoring(new Stack(app, "Audit"), "Oam", {
      alarmTopic: new Topic(shop, "Pages"),
    });
    expect(() => monitoring.attach(new HttpApi(shop, "Orders"))).toThrow(
      "the two stacks would depend on each other",
    );
  });

  it("grants a function the permissions and environment that the middleware needs", () => {
    const { stack, monitoring } = alone();
    const role = new Role(stack, "Function", { assumedBy: new ServicePrincipal("lambda") });
    monitoring.grantAuthorize(role);
    Template.fromStack(stack).hasResourceProperties("AWS::IAM::Policy", {
      PolicyDocument: {
        Statement: Match.arrayWith([Match.objectLike({ Action: "sqs:SendMessage" })]),
      },
      Roles: [{ Ref: Match.stringLikeRegexp("^Function") }],
    });
    expect(Object.keys(monitoring.environment)).toContain("UNPUBLISHED_QUEUE_URL");
  });
});

describe("attach with a REST API", () => {
  it("protects a whole API, including methods added later, and leaves CORS preflights open", () => {
    const { stack, api, monitoring } = scene();
    api.root.addMethod("GET", mock());
    monitoring.attach(api);
    const late = api.root.addResource("late", {
      defaultCorsPreflightOptions: { allowOrigins: Cors.ALL_ORIGINS },
    });
    late.addMethod("POST", mock());
    expect(methods(stack)).toEqual({
      "GET root": "CUSTOM",
      "POST Orderslate": "CUSTOM",
      "OPTIONS Orderslate": "NONE",
    });
  });

  it("protects only the given resource or method", () => {
    const { stack, api, monitoring } = scene();
    const open = api.root.addResource("open");
    const inner = api.root.addResource("inner");
    open.addMethod("GET", mock());
    const one = open.addMethod("POST", mock());
    inner.addResource("deep").addMethod("GET", mock());
    monitoring.attach(inner);
    monitoring.attach(one);
    expect(methods(stack)).toEqual({
      "GET Ordersopen": "NONE",
      "POST Ordersopen": "CUSTOM",
      "GET Ordersinnerdeep": "CUSTOM",
    });
    Template.fromStack(stack).resourceCountIs("AWS::ApiGateway::Authorizer", 1);
  });

  it("skips excluded resources and methods that have their own authorization", () => {
    const { stack, api, monitoring } = scene();
    const health = api.root.addResource("health");
    health.addResource("deep").addMethod("GET", mock());
    const signed = api.root.addResource("signed");
    signed.addMethod("GET", mock(), { authorizationType: AuthorizationType.IAM });
    const orders = api.root.addResource("orders");
    orders.addMethod("GET", mock());
    const other = new CfnAuthorizer(stack, "Other", {
      restApiId: api.restApiId,
      type: "COGNITO_USER_POOLS",
      name: "other",
    });
    orders.addMethod("PUT", mock(), {
      authorizationType: AuthorizationType.COGNITO,
      authorizer: { authorizerId: other.ref },
    });
    monitoring.attach(api, { except: [health] });
    expect(methods(stack)).toEqual({
      "GET Ordershealthdeep": "NONE",
      "GET Orderssigned": "AWS_IAM",
      "GET Ordersorders": "CUSTOM",
      "PUT Ordersorders": "COGNITO_USER_POOLS",
    });
  });

  it("creates a new deployment so that previously open methods are protected immediately", () => {
    const deploymentId = (attach: boolean) => {
      const { stack, api, monitoring } = scene();
      api.root.addMethod("GET", mock());
      if (attach) monitoring.attach(api, { gatewayResponses: false });
      return Object.keys(Template.fromStack(stack).findResources("AWS::ApiGateway::Deployment"));
    };
    expect(deploymentId(true)).toHaveLength(1);
    expect(deploymentId(true)).toEqual(deploymentId(true));
    expect(deploymentId(true)).not.toEqual(deploymentId(false));
  });

  it("uses a request authorizer whose result is never cached", () => {
    const { stack, api, monitoring } = scene();
    api.root.addMethod("GET", mock());
    monitoring.attach(api);
    const template = Template.fromStack(stack);
    template.hasResourceProperties("AWS::ApiGateway::Authorizer", {
      Type: "REQUEST",
      AuthorizerResultTtlInSeconds: 0,
    });
    template.hasResourceProperties("AWS::Lambda::Permission", {
      Principal: "apigateway.amazonaws.com",
      SourceArn: { "Fn::Join": ["", Match.arrayWith([Match.stringLikeRegexp("/authorizers/$")])] },
    });
  });

  it("keeps the API's own gateway responses, whether they are added before or after attach", () => {
    const { stack, api, monitoring } = scene();
    api.root.addMethod("GET", mock());
    const own = (id: string, type: ResponseType) =>
      api.addGatewayResponse(id, { type, statusCode: "418" });
    own("Before", ResponseType.UNAUTHORIZED);
    monitoring.attach(api);
    own("After", ResponseType.DEFAULT_4XX);
    const responses = Object.values(
      Template.fromStack(stack).findResources("AWS::ApiGateway::GatewayResponse"),
    ).map(({ Properties: { ResponseType: type, StatusCode } }) => [type, StatusCode]);
    expect(Object.fromEntries(responses)).toMatchObject({
      UNAUTHORIZED: "418",
      DEFAULT_4XX: "418",
      ACCESS_DENIED: "403",
      THROTTLED: "429",
      AUTHORIZER_FAILURE: "503",
    });
    expect(responses).toHaveLength(new Set(responses.map(([type]) => type)).size);
  });

  it("adds no gateway responses, alarm or dashboard graphs when they are turned off", () => {
    const { stack, api, monitoring } = scene();
    api.root.addMethod("GET", mock());
    const counts = () => {
      const template = Template.fromStack(stack);
      return ["AWS::ApiGateway::GatewayResponse", "AWS::CloudWatch::Alarm"].map(
        (type) =>
          Object.keys(template.findResources(type)).filter((id) => /Orders/.test(id)).length,
      );
    };
    monitoring.attach(api, { gatewayResponses: false, alarm: false, metricsDashboard: false });
    expect(counts()).toEqual([0, 0]);
    const dashboards = Template.fromStack(stack).findResources("AWS::CloudWatch::Dashboard");
    expect(JSON.stringify(dashboards)).not.toContain('"ApiName');
  });

  it("rejects options that are set too late and accepts options that change nothing", () => {
    const { api, monitoring } = scene();
    const [first, second] = ["a", "b"].map((path) => api.root.addResource(path));
    if (!first || !second) throw new Error("no resources");
    first.addMethod("GET", mock());
    second.addMethod("GET", mock());
    monitoring.attach(first, { alarm: false });
    monitoring.attach(second, { alarm: false, except: [second] });
    for (const options of [
      { alarm: true },
      { gatewayResponses: false },
      { metricsDashboard: false },
    ]) {
      expect(() => monitoring.attach(second, options)).toThrow(
        `Shop/Orders is already attached. Set ${Object.keys(options)[0]} in the first attach call of this API`,
      );
    }
  });

  it("protects methods that the app adds to an imported API and adds nothing else", () => {
    const stack = new Stack(new App(), "Shop");
    const api = RestApi.fromRestApiAttributes(stack, "Imported", {
      restApiId: "abc123",
      rootResourceId: "root",
    });
    const monitoring = new OAuthMonitoring(stack, "Oam");
    const { methodOptions } = monitoring.attach(api);
    api.root.addResource("orders").addMethod("GET", mock());
    api.root.addResource("by-hand").addMethod("GET", mock(), methodOptions);
    const template = Template.fromStack(stack);
    template.resourcePropertiesCountIs(METHOD, { AuthorizationType: "CUSTOM" }, 2);
    template.hasResourceProperties("AWS::ApiGateway::Authorizer", { RestApiId: "abc123" });
    template.resourceCountIs("AWS::ApiGateway::GatewayResponse", 0);
  });

  it("supports two constructs and two APIs in one stack", () => {
    const stack = new Stack(new App(), "Shop");
    const constructs = ["First", "Second"].map((id) => new OAuthMonitoring(stack, id));
    for (const name of ["Orders", "Billing"]) {
      const api = new RestApi(stack, name);
      const resources = ["a", "b"].map((path) => api.root.addResource(path));
      for (const [index, monitoring] of constructs.entries()) {
        resources[index]?.addMethod("GET", mock());
        monitoring.attach(resources[index] as (typeof resources)[number]);
      }
    }
    for (const monitoring of constructs) monitoring.addAdminApi();
    const template = Template.fromStack(stack);
    template.resourceCountIs("AWS::ApiGateway::Authorizer", 6);
    const names = Object.values(template.findResources("AWS::ApiGateway::Authorizer")).map(
      ({ Properties: { Name, RestApiId } }) => `${Name} ${JSON.stringify(RestApiId)}`,
    );
    expect(new Set(names).size).toBe(6);
    const metrics = constructs.map((each) => JSON.stringify(each.metricAllowed().dimensions));
    expect(new Set(metrics).size).toBe(2);
  });
});

describe("OAuthMonitoring construct", () => {
  it("lets CDK-typed properties override the configuration", () => {
    const stack = new Stack(new App(), "Shop");
    const key = new Key(stack, "Own");
    const topic = new Topic(stack, "Topic");
    const monitoring = new OAuthMonitoring(stack, "Oam", {
      config: { retention: { defaultDays: 200, ttlBackstopDays: 3 }, realm: "shop" },
      eventRetention: Duration.days(120),
      eventRetentionByType: { token_used: Duration.days(30) },
      lastUsedInterval: Duration.minutes(1),
      logRetention: RetentionDays.ONE_WEEK,
      removalPolicy: RemovalPolicy.DESTROY,
      encryptionKey: key,
      alarmTopic: topic,
      defaultScopes: { read: ["orders:read"] },
      routes: [{ path: "/orders", scopes: ["orders:all"] }],
    });
    expect(monitoring.config).toMatchObject({
      realm: "shop",
      retention: { defaultDays: 120, daysByEventType: { token_used: 30 }, ttlBackstopDays: 3 },
      tracking: { lastUsedIntervalSeconds: 60 },
      removalPolicy: "destroy",
      defaultScopes: { read: ["orders:read"], write: ["api:write"] },
      routes: [{ path: "/orders", scopes: ["orders:all"], method: "ANY", session: "ignored" }],
    });
    const template = Template.fromStack(stack);
    template.resourceCountIs("AWS::KMS::Key", 1);
    template.resourceCountIs("AWS::SNS::Topic", 1);
    template.allResourcesProperties("AWS::Logs::LogGroup", { RetentionInDays: 7 });
    template.allResources("AWS::DynamoDB::Table", { DeletionPolicy: "Delete" });
  });

  it("creates no alarms and no CloudWatch dashboard when both are turned off", () => {
    const stack = new Stack(new App(), "Shop");
    const monitoring = new OAuthMonitoring(stack, "Oam", {
      alarms: false,
      metricsDashboard: false,
      config: { ocsfExport: { enabled: true } },
    });
    const api = new RestApi(stack, "Orders");
    api.root.addMethod("GET", mock());
    monitoring.attach(api);
    const template = Template.fromStack(stack);
    template.resourceCountIs("AWS::CloudWatch::Alarm", 0);
    template.resourceCountIs("AWS::CloudWatch::Dashboard", 0);
  });

  it.each([
    [
      "grantIssueTokens",
      ["dynamodb:PutItem", "events:PutEvents"],
      ["dynamodb:GetItem", "dynamodb:DeleteItem"],
    ],
    [
      "grantRevoke",
      ["dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:Query", "events:PutEvents"],
      ["dynamodb:PutItem", "dynamodb:Scan"],
    ],
    [
      "grantTrackUsage",
      ["dynamodb:GetItem", "dynamodb:UpdateItem", "events:PutEvents", "kms:Decrypt"],
      ["dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:Query"],
    ],
    [
      "grantRegisterClients",
      ["dynamodb:UpdateItem"],
      ["dynamodb:PutItem", "dynamodb:DeleteItem", "events:PutEvents"],
    ],
    ["grantPublish", ["events:PutEvents"], ["dynamodb:PutItem", "kms:Decrypt"]],
    [
      "grantReadAudit",
      ["dynamodb:Query", "dynamodb:BatchGetItem", "kms:Decrypt"],
      ["dynamodb:PutItem", "dynamodb:UpdateItem", "events:PutEvents", "kms:Encrypt"],
    ],
  ] as const)("%s grants only the permissions that its callers use", (grant, allowed, denied) => {
    const { stack, monitoring } = alone();
    const role = new Role(stack, "Grantee", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
    });
    monitoring[grant](role).assertSuccess();
    const policies = Template.fromStack(stack).findResources("AWS::IAM::Policy", {
      Properties: { Roles: [{ Ref: Match.stringLikeRegexp("^Grantee") }] },
    });
    const statements = Object.values(policies).flatMap(
      ({ Properties }) => Properties.PolicyDocument.Statement,
    );
    const actions = statements.flatMap(({ Action }) => Action);
    expect(actions).toEqual(expect.arrayContaining([...allowed]));
    for (const action of denied) expect(actions).not.toContain(action);
    for (const { Resource } of statements) expect(JSON.stringify(Resource)).not.toContain('"*"');
  });

  it("exposes the environment variables that the library reads", () => {
    const { stack, monitoring } = alone();
    const { environment } = monitoring;
    const names = Object.fromEntries(
      Object.entries(environment).map(([name, value]) => [name, value.replace(/\$\{.*\}/, name)]),
    );
    expect(openMonitoring({ environment: names }).config).toEqual(monitoring.config);
    new LambdaFunction(stack, "Issuer", {
      runtime: Runtime.NODEJS_24_X,
      handler: "index.handler",
      code: Code.fromInline("exports.handler = async () => {};"),
      environment: { ...environment },
    });
    Template.fromStack(stack).hasResourceProperties("AWS::Lambda::Function", {
      Code: Match.objectLike({ ZipFile: Match.anyValue() }),
      Environment: { Variables: Match.objectLike({ OAUTH_MONITORING_CONFIG: "{}" }) },
    });
  });

  it("gives the authorizer a configuration file with the routes and their authentication requirements", () => {
    const { stack, api, monitoring } = scene({
      routes: [{ path: "/payments", scopes: ["pay"], acrValues: ["urn:mfa"], maxAgeSeconds: 300 }],
    });
    api.root.addResource("payments").addMethod("POST", mock());
    monitoring.attach(api);
    const { directory } = (stack.node.root as App).synth();
    const functions = Template.fromStack(stack).findResources("AWS::Lambda::Function");
    const [authorizer] = Object.entries(functions).filter(([id]) => id.includes("Authorizer"));
    const key: string = authorizer?.[1].Properties.Code.S3Key;
    const LAMBDA_TASK_ROOT = join(directory, `asset.${key.replace(".zip", "")}`);
    const { OAUTH_MONITORING_CONFIG: config } = readEnvironment(
      withConfigFile({ LAMBDA_TASK_ROOT }),
      ["OAUTH_MONITORING_CONFIG"],
    );
    expect(config).toEqual(monitoring.config);
    expect(config.routes).toMatchObject([{ acrValues: ["urn:mfa"], maxAgeSeconds: 300 }]);
    expect(existsSync(join(LAMBDA_TASK_ROOT, "index.mjs"))).toBe(true);
  });

  it("has a template from which the CLI reads the configuration", async () => {
    const { stack, monitoring } = alone({ realm: "shop" });
    const template = Template.fromStack(stack);
    const Outputs = Object.keys(template.findOutputs("*")).map((OutputKey) => ({
      OutputKey,
      OutputValue: OutputKey,
    }));
    vi.spyOn(CloudFormationClient.prototype, "send").mockImplementation(async (command) =>
      command instanceof GetTemplateCommand
        ? { TemplateBody: JSON.stringify(template.toJSON()) }
        : { Stacks: [{ Outputs }] },
    );
    const { config, eventBusName } = await describeDeployedStack("Shop");
    expect(config).toEqual(monitoring.config);
    expect(eventBusName).toBe("OamEventBusName");
  });

  it("has outputs that let the CLI find one of several constructs", () => {
    const { stack, monitoring } = alone();
    monitoring.addAdminApi();
    const names = Object.keys(Template.fromStack(stack).findOutputs("*"));
    expect(constructIn("Shop", names)).toBe("Oam");
    expect(names).toEqual(
      expect.arrayContaining(["OamApiUrl", "OamDashboardUrl", "OamTokensTable"]),
    );
    const both = [...names, "OtherEventBusName"];
    expect(() => constructIn("Shop", both)).toThrow("Select one with --construct: Oam, Other");
    expect(constructIn("Shop", both, "Other")).toBe("Other");
    expect(() => constructIn("Shop", both, "Third")).toThrow("has no construct Third");
    expect(() => constructIn("Shop", ["ServiceUrl"])).toThrow(
      "Check that it is an oauth-monitoring stack",
    );
  });
});
