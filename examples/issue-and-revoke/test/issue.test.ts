import assert from "node:assert/strict";
import { test } from "node:test";
import type { APIGatewayProxyEvent } from "aws-lambda";

// The variables that the construct's `environment` sets.
Object.assign(process.env, {
  AWS_REGION: "eu-central-1",
  TOKENS_TABLE: "tokens",
  AUTHORIZATION_CODES_TABLE: "codes",
  SESSIONS_TABLE: "sessions",
  CREDENTIALS_TABLE: "credentials",
  ACTIONS_TABLE: "actions",
  DENY_LIST_TABLE: "deny_list",
  CLIENTS_TABLE: "clients",
  EVENTS_TABLE: "events",
  COUNTERS_TABLE: "counters",
  ISSUANCES_TABLE: "issuances",
  EVENT_BUS_NAME: "bus",
  OAUTH_MONITORING_CONFIG: "{}",
});
const { handler } = await import("../lambda/issue.js");

const post = (body: string) => handler({ body } as APIGatewayProxyEvent);

test("rejects an invalid request and lists every error", async () => {
  const { statusCode, body } = await post(
    JSON.stringify({ clientId: "shop", scopes: [], expiresInSeconds: 0 }),
  );
  assert.equal(statusCode, 400);
  assert.deepEqual(
    JSON.parse(body).errors.map(({ pointer }: { pointer: string }) => pointer),
    ["/scopes", "/expiresInSeconds"],
  );
});

test("rejects a request that is not JSON", async () => {
  assert.equal((await post("{")).statusCode, 400);
});
