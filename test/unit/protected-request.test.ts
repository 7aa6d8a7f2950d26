import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { readAuthorizerCall } from "../../functions/authorizer/authorizer-call.ts";
import { parseBearerCredentials } from "../../shared/authorization/bearer-token.ts";
import { HOSTILE_TEXTS } from "../hostile-values.ts";

const toProtectedRequest = (event: object) =>
  readAuthorizerCall(
    { methodArn: "arn:aws:execute-api:eu-central-1:1:a/prod/GET/", ...event },
    { trustedProxies: 0 },
  ).request;

const TOKEN = "oam_abcdefghijklmnopqrstuvwxyz0123456789";

const getRequestId = (requestId: string, multiValueHeaders: Record<string, string[]>) =>
  toProtectedRequest({
    httpMethod: "GET",
    path: "/api/x",
    multiValueHeaders,
    requestContext: { requestId, identity: { sourceIp: "203.0.113.9" } },
  }).requestId;

describe("protected request ID", () => {
  it("is the request ID from API Gateway", () => {
    const id = "7c03c52e-1ebf-4728-882b-11eab8031dc9";
    expect(getRequestId(id, { Authorization: [`Bearer ${TOKEN}`] })).toBe(id);
    expect(getRequestId(id, { Authorization: ["Bearer a"] })).toBe(id);
    expect(getRequestId(id, {})).toBe(id);
  });

  it.each([
    ["the token", TOKEN, { authorization: [`Bearer ${TOKEN}`] }],
    ["the token and more", `x-${TOKEN}-x`, { AUTHORIZATION: [`Bearer ${TOKEN}`] }],
    ["a second token", TOKEN, { Authorization: ["Bearer abc", `Bearer ${TOKEN}`] }],
    ["another caller's token", TOKEN, {}],
    ["a JWT", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl", {}],
    ["the session", "my-session-secret", { "Mcp-Session-Id": ["my-session-secret"] }],
  ])("is replaced when the caller sent %s as the request ID", (_, requestId, headers) => {
    expect(getRequestId(requestId, headers)).toBe("[secret]");
  });
});

describe("protected request session", () => {
  const getSession = (multiValueHeaders: Record<string, string[]>) =>
    toProtectedRequest({
      httpMethod: "GET",
      path: "/api/x",
      multiValueHeaders,
      requestContext: { requestId: "r", identity: { sourceIp: "203.0.113.9" } },
    }).sessionSecret;

  it("is read from the header and undefined when two sessions are sent", () => {
    expect(getSession({ "mcp-session-id": ["one"] })).toBe("one");
    expect(getSession({})).toBeUndefined();
    for (const headers of [
      { "Mcp-Session-Id": ["one", "two"] },
      { "Mcp-Session-Id": ["one"], "mcp-session-id": ["two"] },
    ]) {
      expect(["one", "two", undefined]).not.toContain(getSession(headers));
    }
  });
});

it("readAuthorizerCall reads an API Gateway event and normalizes an IPv4-mapped IPv6 address", () => {
  vi.stubEnv("_X_AMZN_TRACE_ID", "Root=1-67891233-abcdef012345678912345678");
  const request = toProtectedRequest({
    httpMethod: "POST",
    path: "/api/x",
    headers: { Authorization: "Bearer a", "User-Agent": "curl/8" },
    requestContext: { requestId: "r", identity: { sourceIp: "::ffff:203.0.113.9" } },
  });
  vi.unstubAllEnvs();
  expect(request).toEqual({
    method: "POST",
    path: "/api/x",
    routed: { paths: ["/api/x"], mayHaveBasePath: true },
    authorization: ["Bearer a"],
    sessionSecret: undefined,
    ip: "203.0.113.9",
    userAgent: "curl/8",
    requestId: "r",
    traceId: "1-67891233-abcdef012345678912345678",
  });
});

describe("protected request credentials", () => {
  const name = fc.constantFrom("Authorization", "authorization", "AUTHORIZATION", "aUTHORIZATION");
  const other = fc.constantFrom(`Bearer ${TOKEN}`, "Bearer x", ...HOSTILE_TEXTS);

  it("are rejected when two are sent, with header names in any case", () => {
    fc.assert(
      fc.property(name, name, other, fc.boolean(), (firstName, secondName, second, multiple) => {
        fc.pre(multiple || firstName !== secondName);
        const values = Object.create(null) as Record<string, string[]>;
        for (const [key, value] of [
          [firstName, `Bearer ${TOKEN}`],
          [secondName, second],
        ] as const) {
          values[key] = [...(values[key] ?? []), value];
        }
        const single = Object.fromEntries(
          Object.entries(values).map(([key, all]) => [key, all.at(-1)]),
        );
        const { authorization } = toProtectedRequest({
          httpMethod: "GET",
          path: "/api/x",
          headers: single,
          multiValueHeaders: multiple ? values : null,
          requestContext: { requestId: "r", identity: { sourceIp: "203.0.113.9" } },
        });
        expect(authorization).toHaveLength(2);
        expect(parseBearerCredentials(authorization).found).toBe(false);
      }),
    );
  });
});
