import assert from "node:assert/strict";
import { test } from "node:test";
// @ts-expect-error The function is plain JavaScript.
import { handler } from "../lambda/orders.mjs";

test("passes the caller from the authorizer to the function", async () => {
  const answer = await handler({
    pathParameters: { id: "42" },
    requestContext: {
      authorizer: { lambda: { oauth_client_id: "1example", user_id: "ada", scope: "orders/read" } },
    },
  });
  assert.deepEqual(JSON.parse(answer.body), {
    order: "42",
    client: "1example",
    user: "ada",
    scopes: ["orders/read"],
  });
});
