import { createServer, type Server } from "node:http";
import {
  discoverOAuthProtectedResourceMetadata,
  extractWWWAuthenticateParams,
} from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import express from "express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callerOf, type NodeMonitoring } from "../../../doors/node/index.ts";
import { createOrdersServer } from "../../../examples/mcp-server/lambda/orders-server.ts";
import { issueToken, queryEvents } from "../../../shared/index.ts";
import { useStack } from "../stack.ts";
import { addressOf, endpointOf, listening, openMonitoring, RENAMED_CHALLENGE } from "./doors.ts";
import { AUTHORIZATION_SERVER, synthesizeDoors } from "./doors-assembly.ts";

const { assembly, remove } = await synthesizeDoors({
  routes: [{ path: "/mcp", scopes: ["orders:read"] }],
});
afterAll(remove);
const scene = useStack({ assembly: () => assembly });

let container: Server;
let monitoring: NodeMonitoring;
/** The same tools in a container, protected by the middleware for Node servers. */
async function startContainer(): Promise<void> {
  const app = express();
  container = await listening(createServer(app));
  monitoring = await openMonitoring(scene(), {
    trustedProxies: 0,
    mcp: {
      resource: `${addressOf(container)}/mcp`,
      authorizationServers: [AUTHORIZATION_SERVER],
      scopesSupported: ["orders:read", "orders:write"],
      toolScopes: { cancel_order: ["orders:write"] },
    },
  });
  app.use(monitoring.middleware);
  app.post("/mcp", async (request, response) => {
    const transport = new StreamableHTTPServerTransport();
    const server = createOrdersServer(callerOf(request)?.user_id);
    response.on("close", () => void server.close());
    // The SDK's own types do not fit with exactOptionalPropertyTypes.
    await server.connect(transport as Parameters<typeof server.connect>[0]);
    await transport.handleRequest(request, response, request.body);
  });
  app.use((_, response) => void response.status(405).end());
}

beforeAll(startContainer);
afterAll(async () => {
  container?.closeAllConnections();
  await new Promise((resolve) => container?.close(resolve));
});

const bearer = async (userId: string, scopes: string[]) => {
  const request = { clientId: "assistant", userId, scopes, expiresInSeconds: 600 };
  return { Authorization: `Bearer ${(await issueToken(scene().library, request)).secret}` };
};

/** A client of the SDK with a token. */
async function connect(url: string, headers: Record<string, string>): Promise<Client> {
  const client = new Client({ name: "assistant", version: "1.0.0" });
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  await client.connect(transport as Parameters<typeof client.connect>[0]);
  return client;
}

const rpc = (name: string) => ({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name } });
const post = (url: string, headers: Record<string, string>, body: string) =>
  fetch(url, {
    method: "POST",
    headers: {
      ...headers,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body,
  });

/** What the audit log has of a user's MCP calls, by their method: two of them may bear the same millisecond. */
async function auditOf(userId: string) {
  await monitoring.flush();
  await scene().settle();
  const { events } = await queryEvents(scene().library, { userId, limit: 100 });
  return events
    .filter(({ event_data }) => event_data.endpoint === "/mcp" && event_data.method === "POST")
    .map(
      ({ event_type, oauth_client_id, event_data: { mcp_method, mcp_tool, required_scopes } }) => ({
        event_type,
        oauth_client_id,
        mcp_method,
        mcp_tool,
        required_scopes,
      }),
    )
    .toSorted((a, b) => String(a.mcp_method).localeCompare(String(b.mcp_method)));
}

describe.each([
  ["on Lambda", "lia", () => `${endpointOf(scene(), "McpHttpApi")}/mcp`, RENAMED_CHALLENGE],
  ["in a container", "kim", () => `${addressOf(container)}/mcp`, "www-authenticate"],
])("an MCP server %s", (_, user, urlOf, challengeField) => {
  it("shows each call of the SDK's client in the audit log, by method, tool, user and client", async () => {
    const client = await connect(urlOf(), await bearer(user, ["orders:read", "orders:write"]));
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(["list_orders", "cancel_order"]);
    const { content } = await client.callTool({ name: "cancel_order", arguments: { id: "42" } });
    expect(content).toEqual([
      { type: "text", text: JSON.stringify({ id: "42", user, state: "cancelled" }) },
    ]);
    await client.close();
    const audit = await auditOf(user);
    const used = { event_type: "token_used", oauth_client_id: "assistant", mcp_tool: undefined };
    const reads = { ...used, required_scopes: ["orders:read"] };
    expect(audit).toEqual([
      { ...reads, mcp_method: "initialize" },
      { ...reads, mcp_method: "notifications/initialized" },
      {
        ...used,
        required_scopes: ["orders:read", "orders:write"],
        mcp_method: "tools/call",
        mcp_tool: "cancel_order",
      },
      { ...reads, mcp_method: "tools/list" },
    ]);
  });

  it("asks for the scopes of a tool, and says so in the challenge and in the event", async () => {
    const reader = `${user}-reader`;
    const headers = await bearer(reader, ["orders:read"]);
    const client = await connect(urlOf(), headers);
    await expect(
      client.callTool({ name: "cancel_order", arguments: { id: "42" } }),
    ).rejects.toThrow("403");
    const { content } = await client.callTool({ name: "list_orders" });
    expect(JSON.stringify(content)).toContain(reader);
    await client.close();
    const batch = await post(
      urlOf(),
      headers,
      JSON.stringify([rpc("list_orders"), rpc("cancel_order")]),
    );
    expect(batch.status).toBe(403);
    const challenge = batch.headers.get(challengeField);
    expect(challenge).toContain('error="insufficient_scope"');
    expect(challenge).toContain('scope="orders:read orders:write"');
    expect(challenge).toContain("resource_metadata=");
    expect(await auditOf(reader)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ event_type: "scope_violation", mcp_tool: "cancel_order" }),
        expect.objectContaining({ event_type: "token_used", mcp_tool: "list_orders" }),
        expect.objectContaining({
          event_type: "scope_violation",
          mcp_tool: ["list_orders", "cancel_order"],
        }),
      ]),
    );
  });

  it("leads a client without a token to its authorization server", async () => {
    const refused = await post(urlOf(), {}, JSON.stringify(rpc("list_orders")));
    expect(refused.status).toBe(401);
    const challenged = new Response(null, {
      headers: { "www-authenticate": refused.headers.get(challengeField) ?? "" },
    });
    const { resourceMetadataUrl, error } = extractWWWAuthenticateParams(challenged);
    expect(error).toBeUndefined();
    const metadata = await discoverOAuthProtectedResourceMetadata(urlOf(), {
      resourceMetadataUrl: resourceMetadataUrl ?? "",
    });
    expect(metadata).toMatchObject({
      resource: urlOf(),
      authorization_servers: [AUTHORIZATION_SERVER],
      scopes_supported: ["orders:read", "orders:write"],
    });
    // Where a gateway renames the challenge, a client finds it by the well-known path.
    expect(await discoverOAuthProtectedResourceMetadata(urlOf())).toEqual(metadata);
  });

  it("lets nothing through that it cannot judge", async () => {
    const headers = await bearer(`${user}-odd`, ["orders:read", "orders:write"]);
    for (const body of ['{"method":"tools/call"', "\uFEFF{}"]) {
      const answer = await post(urlOf(), headers, body);
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ error: { code: -32700 } });
    }
    const bad = await post(urlOf(), { Authorization: "Bearer nobody" }, "{");
    expect(bad.status).toBe(401);
  });
});
