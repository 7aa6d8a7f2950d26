import assert from "node:assert/strict";
import { test } from "node:test";
// @ts-expect-error The function is plain JavaScript.
import { handler } from "../lambda/orders.mjs";

test("passes the caller from the authorizer to the function", async () => {
  const answer = await handler({
    pathParameters: { id: "42" },
    requestContext: {
      authorizer: { oauth_client_id: "shop", scope: "orders:read orders:write" },
    },
  });
  assert.deepEqual(JSON.parse(answer.body), {
    order: "42",
    client: "shop",
    user: null,
    scopes: ["orders:read", "orders:write"],
  });
});
