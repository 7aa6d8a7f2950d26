import assert from "node:assert/strict";
import { test } from "node:test";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { OrdersStack } from "../lib/orders-stack.js";

const template = Template.fromStack(
  new OrdersStack(new App(), "CognitoOrders", { domainPrefix: "orders-test" }),
);

test("requires a token on every API route", () => {
  const routes = Object.values(template.findResources("AWS::ApiGatewayV2::Route"));
  assert.deepEqual(
    routes.map(({ Properties }) => `${Properties.RouteKey} ${Properties.AuthorizationType}`).sort(),
    ["GET /orders CUSTOM", "GET /orders/{id} CUSTOM", "POST /orders CUSTOM"],
  );
});

test("configures the authorizer with the user pool and both of its app clients", () => {
  const values = Object.values(template.findResources("AWS::Lambda::Function"))
    .map(({ Properties }) => Properties.Environment?.Variables?.OAUTH_MONITORING_DEPLOY_TIME_VALUES)
    .filter(Boolean);
  const text = JSON.stringify(values[0]);
  assert.match(text, /"Fn::GetAtt":\["Users\w+","ProviderURL"\]/);
  assert.match(text, /"Ref":"UsersWarehouse\w+"/);
  assert.match(text, /"Ref":"UsersShop\w+"/);
});
