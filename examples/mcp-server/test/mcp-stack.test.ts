import assert from "node:assert/strict";
import { test } from "node:test";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { McpStack } from "../lib/mcp-stack.js";

test("leaves the API open and lets its function authorize calls", () => {
  const stack = new McpStack(new App(), "OrdersMcp", {
    authorizationServer: "https://login.example.com",
  });
  const template = Template.fromStack(stack);
  const routes = Object.values(template.findResources("AWS::ApiGatewayV2::Route"));
  assert.deepEqual(
    routes.map(({ Properties }) => `${Properties.RouteKey} ${Properties.AuthorizationType}`),
    ["ANY /mcp NONE", "GET /.well-known/oauth-protected-resource/mcp NONE"],
  );
  const functions = Object.values(template.findResources("AWS::Lambda::Function"));
  const server = functions.find(
    ({ Properties }) => Properties.Environment.Variables.AUTHORIZATION_SERVER,
  );
  assert.ok(server?.Properties.Environment.Variables.TOKENS_TABLE);
  // Only tokens for this server are allowed.
  const config = JSON.stringify(server.Properties.Environment.Variables.OAUTH_MONITORING_CONFIG);
  assert.match(config, /audiences.*"Fn::GetAtt":\["Api\w+","ApiEndpoint"\]\},"\/mcp/);
});
