import { describe, expect, it } from "vitest";
import { describeResource, parseMcpOptions } from "../../adapters/http/mcp-options.ts";
import { describeRpc, NO_JSON, parseRpcBody } from "../../adapters/http/rpc-call.ts";
import { InvalidInputError } from "../../shared/index.ts";

const OPTIONS = {
  resource: "https://api.example.com/mcp",
  authorizationServers: ["https://login.example.com"],
};

describe("parseMcpOptions", () => {
  it.each([
    ["/resource", { resource: "api.example.com/mcp" }],
    ["/resource", { resource: "http://api.example.com/mcp" }],
    ["/resource", { resource: "https://api.example.com/mcp#x" }],
    ["/authorizationServers", { authorizationServers: [] }],
    ["/toolScopes/drop/0", { toolScopes: { drop: ["two words"] } }],
    ["/tools", { tools: {} }],
  ])("rejects an invalid value at %s", (pointer, wrong) => {
    const parse = () => parseMcpOptions({ ...OPTIONS, ...wrong });
    expect(parse).toThrow(InvalidInputError);
    expect(parse).toThrow(
      expect.objectContaining({ errors: [expect.objectContaining({ pointer })] }),
    );
  });

  it.each(["http://localhost:3000/mcp", "http://127.0.0.1/mcp", "https://a.example.com"])(
    "accepts the resource URL %s",
    (resource) => {
      expect(parseMcpOptions({ ...OPTIONS, resource }).resource).toBe(resource);
    },
  );
});

describe("describeResource", () => {
  const createResource = (more: object = {}) =>
    describeResource(parseMcpOptions({ ...OPTIONS, ...more }));

  it.each([
    ["https://api.example.com/mcp", "/.well-known/oauth-protected-resource/mcp"],
    ["https://api.example.com/a/b", "/.well-known/oauth-protected-resource/a/b"],
    ["https://api.example.com", "/.well-known/oauth-protected-resource"],
    ["https://api.example.com/", "/.well-known/oauth-protected-resource"],
  ])("serves the metadata for %s at %s", (resource, path) => {
    const { metadataUrl, answer } = createResource({ resource });
    expect(metadataUrl).toBe(`https://api.example.com${path}`);
    expect(answer("GET", path)?.status).toBe(200);
    expect(answer("HEAD", path)).toMatchObject({ status: 200, body: "" });
    for (const [method, other] of [
      ["POST", path],
      ["GET", `${path}/x`],
      ["GET", "/mcp"],
    ] as const) {
      expect(answer(method, other)).toBeUndefined();
    }
  });

  it("lists the authorization servers and supported scopes", () => {
    const { answer } = createResource({
      toolScopes: { read: ["orders:read"], drop: ["orders:read", "orders:write"] },
      resourceName: "Orders",
    });
    const body = answer("GET", "/.well-known/oauth-protected-resource/mcp")?.body ?? "";
    expect(JSON.parse(body)).toEqual({
      resource: "https://api.example.com/mcp",
      authorization_servers: ["https://login.example.com"],
      bearer_methods_supported: ["header"],
      scopes_supported: ["orders:read", "orders:write"],
      resource_name: "Orders",
    });
  });
});

describe("describeRpc", () => {
  const mcp = parseMcpOptions({
    ...OPTIONS,
    toolScopes: { drop: ["orders:write"], list: ["orders:read"], [`${"x".repeat(200)}`]: ["x"] },
  });
  const call = (name: unknown) => ({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name },
  });
  const nothing = { scopes: [], details: {} };

  it.each<[string, unknown, object]>([
    [
      "a tool",
      call("drop"),
      { scopes: ["orders:write"], details: { mcp_method: "tools/call", mcp_tool: "drop" } },
    ],
    [
      "a tool without required scopes",
      call("ping"),
      { scopes: [], details: { mcp_method: "tools/call", mcp_tool: "ping" } },
    ],
    [
      "a tool named like an Object.prototype member",
      call("constructor"),
      { scopes: [], details: { mcp_method: "tools/call", mcp_tool: "constructor" } },
    ],
    ["a tool without a name", call(7), { scopes: [], details: { mcp_method: "tools/call" } }],
    [
      "another method",
      { method: "initialize", params: { name: "drop" } },
      { scopes: [], details: { mcp_method: "initialize" } },
    ],
    [
      "a method without parameters",
      { method: "tools/list" },
      { scopes: [], details: { mcp_method: "tools/list" } },
    ],
    [
      "a batch",
      [call("drop"), call("list"), { method: "tools/list" }, { result: {} }],
      {
        scopes: ["orders:write", "orders:read"],
        details: { mcp_method: ["tools/call", "tools/list"], mcp_tool: ["drop", "list"] },
      },
    ],
    ["a response", { jsonrpc: "2.0", id: 1, result: {} }, nothing],
    ["a string", "tools/call", nothing],
    ["no body", undefined, nothing],
  ])("returns the details and required scopes for %s", (_, body, expected) => {
    expect(describeRpc(body, mcp)).toEqual({ status: "read", ...expected });
  });

  it("matches the full tool name but shortens it in the event", () => {
    expect(describeRpc(call("x".repeat(200)), mcp)).toMatchObject({
      scopes: ["x"],
      details: { mcp_tool: "x".repeat(128) },
    });
    expect(describeRpc(call("x".repeat(128)), mcp)).toMatchObject({ scopes: [] });
  });

  it("rejects a body that isn't JSON", () => {
    expect(parseRpcBody('{"method":')).toBe(NO_JSON);
    expect(describeRpc(NO_JSON, mcp)).toEqual({ status: "rejected", reason: "malformed_body" });
    expect(parseRpcBody("")).toBeUndefined();
    expect(parseRpcBody("[]")).toEqual([]);
  });
});
