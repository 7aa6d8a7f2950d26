import assert from "node:assert/strict";
import { test } from "node:test";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { TokensStack } from "../lib/tokens-stack.js";

const template = Template.fromStack(new TokensStack(new App(), "Tokens"));

/** Returns the DynamoDB actions that a function's role allows. */
function getActions(name: string): string[] {
  const policies = Object.entries(template.findResources("AWS::IAM::Policy"))
    .filter(([id]) => id.startsWith(name))
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);
  const actions = policies.flatMap(({ Action }: { Action: string | string[] }) => Action);
  return [...new Set(actions)].filter((action) => action.startsWith("dynamodb:")).sort();
}

test("issues and revokes tokens only for signed calls", () => {
  template.allResourcesProperties("AWS::ApiGateway::Method", { AuthorizationType: "AWS_IAM" });
});

test("grants each function only the actions that it needs", () => {
  assert.deepEqual(getActions("IssueFunction"), ["dynamodb:PutItem"]);
  assert.deepEqual(getActions("RevokeFunction"), [
    "dynamodb:DeleteItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
  ]);
});
