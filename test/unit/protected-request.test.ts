import type { APIGatewayRequestAuthorizerEvent } from "aws-lambda";
import { describe, expect, it } from "vitest";
import { toProtectedRequest } from "../../functions/authorizer/protected-request.ts";

const TOKEN = "oam_abcdefghijklmnopqrstuvwxyz0123456789";

const requestIdOf = (requestId: string, multiValueHeaders: Record<string, string[]>) =>
  toProtectedRequest({
    httpMethod: "GET",
    path: "/api/x",
    multiValueHeaders,
    requestContext: { requestId, identity: { sourceIp: "203.0.113.9" } },
  } as unknown as APIGatewayRequestAuthorizerEvent).requestId;

describe("the request id of a protected request", () => {
  it("is the gateway's", () => {
    const id = "7c03c52e-1ebf-4728-882b-11eab8031dc9";
    expect(requestIdOf(id, { Authorization: [`Bearer ${TOKEN}`] })).toBe(id);
    expect(requestIdOf(id, { Authorization: ["Bearer a"] })).toBe(id);
    expect(requestIdOf(id, {})).toBe(id);
  });

  it.each([
    ["the token", TOKEN, { authorization: [`Bearer ${TOKEN}`] }],
    ["the token and more", `x-${TOKEN}-x`, { AUTHORIZATION: [`Bearer ${TOKEN}`] }],
    ["a second token", TOKEN, { Authorization: ["Bearer abc", `Bearer ${TOKEN}`] }],
    ["the session", "my-session-secret", { "Mcp-Session-Id": ["my-session-secret"] }],
  ])("is not kept when a caller chose %s for it", (_, requestId, headers) => {
    expect(requestIdOf(requestId, headers)).toBe("[secret]");
  });
});
