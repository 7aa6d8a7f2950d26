import {
  App,
  Aspects,
  CfnResource,
  type Environment,
  type IAspect,
  NestedStack,
  Stack,
  Stage,
  Tags,
} from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import {
  ApiDefinition,
  AuthorizationType,
  CognitoUserPoolsAuthorizer,
  Cors,
  LambdaRestApi,
  MockIntegration,
  RestApi,
  SpecRestApi,
} from "aws-cdk-lib/aws-apigateway";
import { UserPool } from "aws-cdk-lib/aws-cognito";
import { Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { describe, expect, it } from "vitest";
import { OAuthMonitoring } from "../../infra/oauth-monitoring.ts";

const METHOD = "AWS::ApiGateway::Method";

/** Returns a sorted list with an entry such as `GET CUSTOM` for each method in a stack. */
function methods(stack: Stack): string[] {
  return Object.values(Template.fromStack(stack).findResources(METHOD))
    .map(({ Properties: { HttpMethod, AuthorizationType: type } }) => `${HttpMethod} ${type}`)
    .sort();
}

function ordersApi(stack: Stack): RestApi {
  const api = new RestApi(stack, "Orders");
  api.root.addResource("orders").addMethod("GET", new MockIntegration());
  return api;
}

/** Combinations of app, stack and stage for an API and the construct. */
describe("attach across apps, stacks and stages", () => {
  it("protects an API in a different stack, which then depends on the construct's stack", () => {
    const app = new App();
    const platform = new Stack(app, "Platform");
    const shop = new Stack(app, "Shop");
    new OAuthMonitoring(platform, "Oam").attach(ordersApi(shop));
    expect(methods(shop)).toEqual(["GET CUSTOM"]);
    expect(shop.dependencies).toContain(platform);
    expect(platform.dependencies).toEqual([]);
    // A reference in the opposite direction would be a cycle, and neither stack could be deployed first.
    expect(JSON.stringify(Template.fromStack(platform))).not.toContain("Fn::ImportValue");
  });

  it("protects APIs in parent and sibling stacks from a nested stack", () => {
    const parent = new Stack(new App(), "Parent");
    const nested = new NestedStack(parent, "Nested");
    const monitoring = new OAuthMonitoring(nested, "Oam");
    monitoring.attach(ordersApi(parent));
    const inner = new NestedStack(parent, "Inner");
    monitoring.attach(ordersApi(inner));
    for (const stack of [parent, inner]) expect(methods(stack)).toEqual(["GET CUSTOM"]);
  });

  it.each<[string, Environment | undefined]>([
    ["with a known account and region", { account: "111111111111", region: "eu-central-1" }],
    ["with neither", undefined],
  ])("protects the API in each pipeline stage, %s", (_, env) => {
    const app = new App();
    for (const name of ["Test", "Live"]) {
      const stage = new Stage(app, name, env ? { env } : {});
      const platform = new Stack(stage, "Platform");
      const shop = new Stack(stage, "Shop");
      const monitoring = new OAuthMonitoring(platform, "Oam");
      monitoring.attach(ordersApi(shop));
      monitoring.addAdminApi();
      expect(methods(shop)).toEqual(["GET CUSTOM"]);
    }
    const names = app
      .synth()
      .nestedAssemblies.map(({ nestedAssembly }) => nestedAssembly.stacks.length);
    expect(names).toEqual([2, 2]);
  });

  it("protects open methods alongside methods with a Cognito authorizer", () => {
    const stack = new Stack(new App(), "Shop");
    const api = ordersApi(stack);
    const authorizer = new CognitoUserPoolsAuthorizer(stack, "Users", {
      cognitoUserPools: [new UserPool(stack, "Pool")],
    });
    api.root.addMethod("PUT", new MockIntegration(), { authorizer });
    new OAuthMonitoring(stack, "Oam").attach(api);
    expect(methods(stack)).toEqual(["GET CUSTOM", "PUT COGNITO_USER_POOLS"]);
  });

  it("protects an API whose default method options allow open access", () => {
    const stack = new Stack(new App(), "Shop");
    const api = new RestApi(stack, "Orders", {
      defaultMethodOptions: { authorizationType: AuthorizationType.NONE },
      defaultCorsPreflightOptions: { allowOrigins: Cors.ALL_ORIGINS },
    });
    api.root.addResource("orders").addMethod("GET", new MockIntegration());
    new OAuthMonitoring(stack, "Oam").attach(api);
    expect(methods(stack)).toEqual(["GET CUSTOM", "OPTIONS NONE", "OPTIONS NONE"]);
  });

  it("protects a LambdaRestApi that proxies every request", () => {
    const stack = new Stack(new App(), "Shop");
    const handler = new LambdaFunction(stack, "Handler", {
      runtime: Runtime.NODEJS_24_X,
      handler: "index.handler",
      code: Code.fromInline("exports.handler = async () => ({ statusCode: 204 });"),
    });
    new OAuthMonitoring(stack, "Oam").attach(new LambdaRestApi(stack, "Orders", { handler }));
    expect(methods(stack)).toEqual(["ANY CUSTOM", "ANY CUSTOM"]);
  });

  it("works in an app whose aspects change every resource", () => {
    const app = new App({ context: { "@aws-cdk/core:newStyleStackSynthesis": true } });
    const stack = new Stack(app, "Shop");
    const api = ordersApi(stack);
    const seen = new Set<string>();
    const everyResource: IAspect = {
      visit: (node) => {
        if (CfnResource.isCfnResource(node)) seen.add(node.cfnResourceType);
      },
    };
    Aspects.of(app).add(everyResource);
    Tags.of(app).add("team", "shop");
    new OAuthMonitoring(stack, "Oam").attach(api);
    expect(methods(stack)).toEqual(["GET CUSTOM"]);
    expect(seen).toContain("AWS::ApiGateway::Authorizer");
    Template.fromStack(stack).hasResourceProperties("AWS::Lambda::Function", {
      Tags: [{ Key: "team", Value: "shop" }],
    });
  });

  it("protects parts of one API with two constructs in different stacks", () => {
    const app = new App();
    const shop = new Stack(app, "Shop");
    const api = new RestApi(shop, "Orders");
    for (const name of ["First", "Second"]) {
      const part = api.root.addResource(name);
      part.addMethod("GET", new MockIntegration());
      new OAuthMonitoring(new Stack(app, name), "Oam").attach(part);
    }
    expect(methods(shop)).toEqual(["GET CUSTOM", "GET CUSTOM"]);
  });
});

describe("attach with unsupported APIs", () => {
  it("rejects an API defined by an OpenAPI document, whose methods would stay open", () => {
    const stack = new Stack(new App(), "Shop");
    const api = new SpecRestApi(stack, "Orders", {
      apiDefinition: ApiDefinition.fromInline({ openapi: "3.0.1", paths: {} }),
    });
    const monitoring = new OAuthMonitoring(stack, "Oam");
    expect(() => monitoring.attach(api)).toThrow(
      "Shop/Orders is defined by an OpenAPI document, so attach cannot protect its methods. Reference the construct's authorizerFunction in the document's x-amazon-apigateway-authorizer",
    );
  });
});

describe("OAuthMonitoring construct", () => {
  it("has no outputs when they are turned off", () => {
    const stack = new Stack(new App(), "Shop");
    new OAuthMonitoring(stack, "Oam", { outputs: false }).addAdminApi();
    expect(
      Object.keys(Template.fromStack(stack).findOutputs("*")).filter((name) =>
        /Table|Queue|ApiUrl$/.test(name),
      ),
    ).toEqual([]);
  });
});
