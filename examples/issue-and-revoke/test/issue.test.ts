import assert from "node:assert/strict";
import { test } from "node:test";
import type { APIGatewayProxyEvent } from "aws-lambda";

// The variables of the construct's `environment`.
Object.assign(process.env, {
  AWS_REGION: "eu-central-1",
  TOKENS_TABLE: "tokens",
  AUTHORIZATION_CODES_TABLE: "codes",
  SESSIONS_TABLE: "sessions",
  HOLDINGS_TABLE: "holdings",
  ACTIONS_TABLE: "actions",
  RESTRICTIONS_TABLE: "restrictions",
  CLIENTS_TABLE: "clients",
  EVENTS_TABLE: "events",
  COUNTERS_TABLE: "counters",
  ISSUANCES_TABLE: "issuances",
  EVENT_BUS_NAME: "bus",
  OAUTH_MONITORING_CONFIG: "{}",
});
const { handler } = await import("../lambda/issue.js");

const post = (body: string) => handler({ body } as APIGatewayProxyEvent);

test("a request that does not fit is refused with every fault", async () => {
  const { statusCode, body } = await post(
    JSON.stringify({ clientId: "shop", scopes: [], expiresInSeconds: 0 }),
  );
  assert.equal(statusCode, 400);
  assert.deepEqual(
    JSON.parse(body).errors.map(({ pointer }: { pointer: string }) => pointer),
    ["/scopes", "/expiresInSeconds"],
  );
});

test("so is one that is not JSON", async () => {
  assert.equal((await post("{")).statusCode, 400);
});
