import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createCallCheck } from "../../adapters/http/check-call.ts";
import { protectServer } from "../../adapters/node/oauth-monitoring.ts";
import { HOUR_MS, toInstant } from "../../shared/core/clock.ts";
import { issueToken } from "../../shared/index.ts";
import { takeAction } from "../../shared/response/take-action.ts";
import { createWorld, type World } from "./store.ts";

const close: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const each of close.splice(0)) await each();
});

/** Starts an MCP server behind the middleware for Node servers, on a real socket. */
async function scene(scopes: readonly string[] = ["api:write"]) {
  const world = await createWorld();
  const { secret } = await issueToken(world, {
    clientId: "assistant",
    userId: "ada",
    scopes: [...scopes],
    expiresInSeconds: 3600,
  });
  world.published.length = 0;
  const monitoring = protectServer(world.context, {
    batching: { batchSize: 1 },
    mcp: {
      resource: "http://localhost/mcp",
      authorizationServers: ["http://localhost"],
      toolScopes: { drop: ["orders:write"] },
    },
  });
  let handled = 0;
  const server = createServer((request, response) => {
    monitoring.middleware(request, response, () => {
      handled += 1;
      response.end("handled");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  close.push(async () => {
    server.closeAllConnections();
    server.close();
    await monitoring.flush();
  });
  const open = (token: string | undefined, headers: Record<string, string | number> = {}) =>
    httpRequest({
      port,
      host: "127.0.0.1",
      path: "/mcp",
      method: "POST",
      headers: { ...(token && { authorization: `Bearer ${token}` }), ...headers },
    });
  const post = async (body: string, token: string | undefined = secret) => {
    const call = open(token);
    const answered = once(call, "response") as Promise<[IncomingMessage]>;
    call.end(body);
    const [response] = await answered;
    let text = "";
    for await (const chunk of response) text += chunk;
    await monitoring.flush();
    return { status: response.statusCode, text };
  };
  return { world, secret, open, post, handled: () => handled };
}

const tool = (name: string) => ({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name } });
const notification = (n: number) => ({ jsonrpc: "2.0", method: `notifications/${n}` });
const getLast = (world: World) => world.published.at(-1);

describe("MCP request body", () => {
  it.each([
    ["without a token", undefined],
    ["with an unknown token", `oam_${"x".repeat(43)}`],
  ])("is not awaited %s", async (_, token) => {
    const { open, world, handled } = await scene();
    const call = open(token, { "content-length": 4_000_000 });
    call.on("error", () => {});
    const answered = once(call, "response") as Promise<[IncomingMessage]>;
    // The rest of the body never arrives.
    call.write("[");
    const [response] = await answered;
    expect(response.statusCode).toBe(401);
    call.destroy();
    await expect.poll(() => getLast(world)?.event_type).toBe("auth_failed");
    expect(handled()).toBe(0);
  });

  it("is not parsed before the token is verified", async () => {
    const { post, world } = await scene();
    const names = Array.from({ length: 95 }, (_, n) => notification(n));
    const { status } = await post(JSON.stringify(names), `oam_${"x".repeat(43)}`);
    expect(status).toBe(401);
    expect(getLast(world)?.event_data).not.toHaveProperty("mcp_method");
  });

  it("is not read by any adapter when the caller is denied", async () => {
    const { world, secret } = await scene();
    const calls = createCallCheck(world.context, {
      resource: "http://localhost/mcp",
      authorizationServers: ["http://localhost"],
    });
    let reads = 0;
    const check = async (authorization: readonly string[], ip = "203.0.113.9") => {
      const request = { method: "POST", path: "/mcp", authorization, ip, requestId: "r-1" };
      const { decided } = await calls.check(request, async () => {
        reads += 1;
        return undefined;
      });
      return decided?.decision.outcome;
    };
    await takeAction(world.context, {
      kind: "block",
      target: { kind: "address", id: "203.0.113.66" },
      mode: "take",
      reason: "test",
      actor: { kind: "administrator", id: "root" },
      idempotencyKey: "k-1",
      until: toInstant(world.time.nowMs + HOUR_MS),
    });
    expect(await check([])).toBe("unauthenticated");
    expect(await check(["Bearer x"])).toBe("unauthenticated");
    expect(await check([`Bearer ${secret}`], "203.0.113.66")).toBe("blocked");
    expect(reads).toBe(0);
    expect(await check([`Bearer ${secret}`])).toBe("allowed");
    expect(reads).toBe(1);
  });

  it("with more than a hundred messages is rejected, and the rejection is an event", async () => {
    const { post, world, handled } = await scene();
    const batch = [tool("list"), ...Array.from({ length: 1500 }, (_, n) => notification(n))];
    const { status, text } = await post(JSON.stringify(batch));
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ jsonrpc: "2.0", error: { code: -32600 }, id: null });
    expect(handled()).toBe(0);
    expect(world.published).toMatchObject([
      { event_type: "auth_failed", user_id: "ada", event_data: { reason: "oversized_batch" } },
    ]);
  });

  it.each([
    ["not JSON", '{"method":'],
    ["longer than 4 MB", `"${"x".repeat(4 * 1024 * 1024)}"`],
  ])("is rejected when it is %s, and the rejection is an event", async (_, body) => {
    const { post, world, handled } = await scene();
    const { status, text } = await post(body);
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ error: { code: -32700 } });
    expect(handled()).toBe(0);
    expect(world.published).toMatchObject([
      { event_type: "auth_failed", user_id: "ada", event_data: { reason: "malformed_body" } },
    ]);
  });

  it("adds up to ten method names and ten tool names to an event, and counts the rest", async () => {
    const { post, world, handled } = await scene();
    const tools = Array.from({ length: 40 }, (_, n) => tool(`tool${n}`));
    const batch = [...tools, ...Array.from({ length: 60 }, (_, n) => notification(n))];
    expect((await post(JSON.stringify(batch))).status).toBe(200);
    expect(handled()).toBe(1);
    const { event_type, event_data } = getLast(world) ?? {};
    expect(event_type).toBe("token_used");
    expect(event_data?.mcp_method).toHaveLength(10);
    expect(event_data?.mcp_tool).toHaveLength(10);
    expect(event_data).toMatchObject({ mcp_method_more: 51, mcp_tool_more: 30 });
  });

  it("requires the scopes for every tool, including tools that the event omits", async () => {
    const { post, world, handled } = await scene();
    const tools = Array.from({ length: 40 }, (_, n) => tool(`tool${n}`));
    const { status } = await post(JSON.stringify([...tools, tool("drop")]));
    expect(status).toBe(403);
    expect(handled()).toBe(0);
    expect(getLast(world)).toMatchObject({
      event_type: "scope_violation",
      event_data: { required_scopes: ["api:write", "orders:write"] },
    });
  });
});
