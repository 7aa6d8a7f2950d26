import { createServer } from "node:http";
import {
  discoverOAuthProtectedResourceMetadata,
  extractWWWAuthenticateParams,
} from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import express from "express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { getCaller, type NodeMonitoring } from "../../../adapters/node/index.ts";
import { connectAsUser } from "../../../examples/mcp-server/client/sign-in.ts";
import { createOrdersServer } from "../../../examples/mcp-server/lambda/orders-server.ts";
import { startLocalIssuer } from "../../../local/start/local-issuer.ts";
import { issueToken, queryEvents } from "../../../shared/index.ts";
import { signInAs } from "../../sign-in-as.ts";
import { useStack } from "../stack.ts";
import {
  getAddress,
  getEndpoint,
  listening,
  openMonitoring,
  RENAMED_CHALLENGE,
} from "./adapters.ts";
import { synthesizeAdapters } from "./adapters-assembly.ts";

const issuer = await startLocalIssuer(0, { signIn: true });
afterAll(() => issuer.close());
/** The container's server. Tokens for this server have its address as their audience. */
const container = await listening(createServer());
const { assembly, remove } = await synthesizeAdapters(
  { routes: [{ path: "/mcp", scopes: ["orders:read"] }] },
  { authorizationServer: issuer.url, audiences: [`${getAddress(container)}/mcp`] },
);
afterAll(remove);
const scene = useStack({ assembly: () => assembly });

let monitoring: NodeMonitoring;
/** Runs the example's tools in a container, protected by the middleware for Node servers. */
async function startContainer(): Promise<void> {
  const app = express();
  container.on("request", app);
  monitoring = await openMonitoring(scene(), {
    trustedProxies: 0,
    mcp: {
      resource: `${getAddress(container)}/mcp`,
      authorizationServers: [issuer.url],
      scopesSupported: ["orders:read", "orders:write"],
      toolScopes: { cancel_order: ["orders:write"] },
    },
  });
  app.use(monitoring.middleware);
  app.post("/mcp", async (request, response) => {
    const transport = new StreamableHTTPServerTransport();
    const server = createOrdersServer(getCaller(request)?.user_id);
    response.on("close", () => void server.close());
    // The SDK's types don't compile with exactOptionalPropertyTypes.
    await server.connect(transport as Parameters<typeof server.connect>[0]);
    await transport.handleRequest(request, response, request.body);
  });
  app.use((_, response) => void response.status(405).end());
}

beforeAll(startContainer);
afterAll(async () => {
  container.closeAllConnections();
  await new Promise((resolve) => container.close(resolve));
});

const bearer = async (userId: string, scopes: string[]) => {
  const request = { clientId: "assistant", userId, scopes, expiresInSeconds: 600 };
  return { Authorization: `Bearer ${(await issueToken(scene().library, request)).secret}` };
};

/** Returns an SDK client that sends a token. */
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

/**
 * Returns a user's MCP events from the audit log. They are sorted by method, because two events can occur in the same
 * millisecond.
 */
async function listMcpEvents(userId: string) {
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
  ["on Lambda", "lia", () => `${getEndpoint(scene(), "McpHttpApi")}/mcp`, RENAMED_CHALLENGE],
  ["in a container", "kim", () => `${getAddress(container)}/mcp`, "www-authenticate"],
])("MCP server %s", (_, user, getUrl, challengeField) => {
  it("records the SDK client's calls in the audit log with method, tool, user and client", async () => {
    const client = await connect(getUrl(), await bearer(user, ["orders:read", "orders:write"]));
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(["list_orders", "cancel_order"]);
    const { content } = await client.callTool({ name: "cancel_order", arguments: { id: "42" } });
    expect(content).toEqual([
      { type: "text", text: JSON.stringify({ id: "42", user, state: "cancelled" }) },
    ]);
    await client.close();
    const audit = await listMcpEvents(user);
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

  it("requires a tool's scopes, and names them in the challenge and the event", async () => {
    const reader = `${user}-reader`;
    const headers = await bearer(reader, ["orders:read"]);
    const client = await connect(getUrl(), headers);
    await expect(
      client.callTool({ name: "cancel_order", arguments: { id: "42" } }),
    ).rejects.toThrow("403");
    const { content } = await client.callTool({ name: "list_orders" });
    expect(JSON.stringify(content)).toContain(reader);
    await client.close();
    const batch = await post(
      getUrl(),
      headers,
      JSON.stringify([rpc("list_orders"), rpc("cancel_order")]),
    );
    expect(batch.status).toBe(403);
    const challenge = batch.headers.get(challengeField);
    expect(challenge).toContain('error="insufficient_scope"');
    expect(challenge).toContain('scope="orders:read orders:write"');
    expect(challenge).toContain("resource_metadata=");
    expect(await listMcpEvents(reader)).toEqual(
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

  it("directs a client without a token to its authorization server", async () => {
    const rejected = await post(getUrl(), {}, JSON.stringify(rpc("list_orders")));
    expect(rejected.status).toBe(401);
    const challenged = new Response(null, {
      headers: { "www-authenticate": rejected.headers.get(challengeField) ?? "" },
    });
    const { resourceMetadataUrl, error } = extractWWWAuthenticateParams(challenged);
    expect(error).toBeUndefined();
    const metadata = await discoverOAuthProtectedResourceMetadata(getUrl(), {
      resourceMetadataUrl: resourceMetadataUrl ?? "",
    });
    expect(metadata).toMatchObject({
      resource: getUrl(),
      authorization_servers: [issuer.url],
      scopes_supported: ["orders:read", "orders:write"],
    });
    // If a gateway renames the challenge header, a client uses the well-known path instead.
    expect(await discoverOAuthProtectedResourceMetadata(getUrl())).toEqual(metadata);
  });

  it("works with the SDK client when the user signs in at a real issuer", async () => {
    const userId = `${user}-signed-in`;
    const pages: URL[] = [];
    const client = await connectAsUser(new URL(getUrl()), (page) => {
      pages.push(page);
      void signInAs(userId, page);
    });
    const { content } = await client.callTool({ name: "cancel_order", arguments: { id: "42" } });
    expect(JSON.stringify(content)).toContain(userId);
    await client.close();
    expect(pages).toHaveLength(1);
    const parameters = Object.fromEntries(pages[0]?.searchParams ?? []);
    // RFC 8707 and RFC 7636.
    expect(parameters).toMatchObject({
      resource: getUrl(),
      scope: "orders:read orders:write",
      code_challenge_method: "S256",
    });
    const audit = await listMcpEvents(userId);
    expect(audit.map(({ mcp_method, mcp_tool }) => [mcp_method, mcp_tool])).toEqual([
      ["initialize", undefined],
      ["notifications/initialized", undefined],
      ["tools/call", "cancel_order"],
    ]);
    for (const { event_type, oauth_client_id } of audit) {
      expect(event_type).toBe("token_used");
      expect(oauth_client_id).toBe(parameters.client_id);
    }
  });

  it("denies a token that was issued for a different resource", async () => {
    const token = await issuer.issueToken();
    const answer = await post(
      getUrl(),
      { Authorization: `Bearer ${token}` },
      JSON.stringify(rpc("list_orders")),
    );
    expect(answer.status).toBe(401);
    const { request_id } = (await answer.json()) as { request_id: string };
    await monitoring.flush();
    await scene().settle();
    const { events } = await queryEvents(scene().library, { type: "auth_failed", limit: 100 });
    const event = events.find(({ event_data }) => event_data.request_id === request_id);
    expect(event?.event_data.reason).toBe("wrong_audience");
  });

  it("rejects every request that it cannot parse", async () => {
    const headers = await bearer(`${user}-odd`, ["orders:read", "orders:write"]);
    for (const body of ['{"method":"tools/call"', "\uFEFF{}"]) {
      const answer = await post(getUrl(), headers, body);
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ error: { code: -32700 } });
    }
    const bad = await post(getUrl(), { Authorization: "Bearer nobody" }, "{");
    expect(bad.status).toBe(401);
  });
});
