import assert from "node:assert/strict";
import { test } from "node:test";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { OrdersStack } from "../lib/orders-stack.js";

/** Returns the method and authorization type, such as `GET CUSTOM`, of each method below a resource. */
function methodsOf(template: Template, resource: string): string[] {
  return Object.values(template.findResources("AWS::ApiGateway::Method"))
    .filter(({ Properties }) => Properties.ResourceId.Ref?.startsWith(`Api${resource}`))
    .map(({ Properties }) => `${Properties.HttpMethod} ${Properties.AuthorizationType}`)
    .sort();
}

test("requires a token for orders, but not for CORS preflights or the health check", () => {
  const template = Template.fromStack(new OrdersStack(new App(), "Orders"));
  assert.deepEqual(methodsOf(template, "orders"), [
    "GET CUSTOM",
    "GET CUSTOM",
    "OPTIONS NONE",
    "OPTIONS NONE",
    "POST CUSTOM",
  ]);
  assert.deepEqual(methodsOf(template, "health"), ["GET NONE", "OPTIONS NONE"]);
});
