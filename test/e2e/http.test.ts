import { describe, expect, inject, it } from "vitest";
import { type Route, readRoutes } from "../../local/services/api-routes.ts";
import { Template } from "../../local/services/template.ts";
import { issueToken, revokeToken, startSession } from "../../shared/index.ts";
import { REST_API_EVENT } from "../gateway-events.ts";
import { useStack } from "./stack.ts";

const scene = useStack();

const issue = (scopes: string[], expiresInSeconds = 3600) =>
  issueToken(scene().library, { clientId: "app", userId: "ada", scopes, expiresInSeconds });

describe("protected route", () => {
  it("returns the authorizer's context", async () => {
    const { secret, token } = await issue(["api:read"]);
    const { status, body } = await scene().get("/api/orders/7?x=1", secret);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      method: "GET",
      path: "/api/orders/7",
      authorizer: {
        oauth_client_id: "app",
        user_id: "ada",
        token_id: token.token_id,
        scope: "api:read",
        principalId: "ada",
      },
    });
  });

  it.each<[string, () => Promise<string | string[] | undefined>]>([
    ["missing", async () => undefined],
    ["malformed", async () => "Bearer not a token"],
    ["sent twice", async () => ["Bearer abc", "Bearer def"]],
    ["of another scheme", async () => "Basic YTpi"],
    ["unknown", async () => "Bearer unknown"],
    [
      "expired",
      async () => {
        const { secret } = await issue(["api:read"], 1);
        await new Promise((resolve) => setTimeout(resolve, 1100));
        return `Bearer ${secret}`;
      },
    ],
    [
      "revoked",
      async () => {
        const { secret, token } = await issue(["api:read"]);
        await revokeToken(scene().library, token.token_id);
        return `Bearer ${secret}`;
      },
    ],
  ])("returns 401 invalid_token when the token is %s", async (_, credentials) => {
    const authorization = await credentials();
    const answer = await scene().send("GET", "/api/x", authorization ? { authorization } : {});
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toMatch(
      /^Bearer realm="oauth-monitoring", error="invalid_token", error_description="/,
    );
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    expect(answer.body).toMatchObject({
      status: 401,
      title: "Unauthorized",
      error: "invalid_token",
    });
  });

  it("returns 403 insufficient_scope and names the missing scope", async () => {
    const { caller, send, get } = scene();
    const write = await send("POST", "/api/x", { authorization: `bearer ${caller}` }, "{}");
    expect(write.status).toBe(403);
    expect(write.headers["www-authenticate"]).toContain('error="insufficient_scope"');
    expect(write.headers["www-authenticate"]).toContain('scope="api:write"');
    expect(write.body).toMatchObject({ error: "insufficient_scope", scope: "api:write" });
    expect((await get("/admin/oauth/stats", caller)).body.scope).toBe("oauth:admin");
  });

  it("requires a session if the route's rule requires one", async () => {
    const { secret } = await issue(["mcp:use"]);
    const session = await startSession(scene().library, {
      clientId: "app",
      userId: "ada",
      scopes: ["mcp:use"],
      expiresInSeconds: 60,
    });
    const without = await scene().get("/api/mcp", secret);
    expect(without.status).toBe(403);
    expect(without.body).toMatchObject({ error: "invalid_session" });
    const within = await scene().get("/api/mcp", secret, { "Mcp-Session-Id": session.secret });
    expect(within.status).toBe(200);
    expect(within.body.authorizer.session_id).toBe(session.session.session_id);
  });

  it("returns 404 with a problem document if no route matches", async () => {
    const { status, headers } = await scene().get("/nowhere");
    expect(status).toBe(404);
    expect(headers["content-type"]).toBe("application/problem+json");
  });

  it("omits the token from the 404 response, unlike API Gateway's own message", async () => {
    const { get, caller } = scene();
    const { status, headers, text, body } = await get("/nowhere", caller);
    expect(status).toBe(403);
    expect(headers["content-type"]).toBe("application/problem+json");
    expect(body).toMatchObject({ title: "The call was denied", code: "INVALID_SIGNATURE" });
    expect(text).not.toContain(caller);
  });

  it.each([
    ["/api/%", 403],
    ["/api/%00", 200],
    ["/api/a%ZZ", 403],
    [`/api/${"x".repeat(5000)}`, 414],
    ["/api/x?a=%E0%A4%A", 200],
    ["/api/__proto__/constructor", 200],
  ])("returns the expected status for unusual path %#", async (path, status) => {
    expect((await scene().get(path, scene().caller)).status).toBe(status);
  });
});

describe("functions behind the admin routes", () => {
  it("reject calls without the scope in the authorizer's context", async () => {
    const { stack } = scene();
    const routes = readRoutes(new Template(inject("assembly"), "http://localhost")).filter(
      ({ resource, authorizerName }) => authorizerName && resource.startsWith("/admin/oauth/"),
    );
    const invoke = async ({ resource, method, functionName }: Route, scope?: string) => {
      const caller = { oauth_client_id: "app", token_id: "t", expires_at: "2026" };
      const { statusCode } = (await stack.functions.invoke(functionName, {
        ...REST_API_EVENT,
        resource,
        path: resource,
        httpMethod: method,
        queryStringParameters: null,
        multiValueQueryStringParameters: { unknown: ["1"] },
        multiValueHeaders: { "Content-Type": ["application/json"] },
        body: "{}",
        requestContext: {
          ...REST_API_EVENT.requestContext,
          ...(scope !== undefined && { authorizer: { ...caller, scope } }),
        },
      })) as { readonly statusCode: number };
      return statusCode;
    };
    expect(routes.length).toBeGreaterThan(10);
    for (const route of routes) {
      const needed = route.method === "GET" ? "oauth:admin" : "oauth:respond";
      const other = route.method === "GET" ? "oauth:respond" : "oauth:admin";
      const wrong = [undefined, "", "api:read api:write", other, `x${needed}`];
      for (const scope of wrong) {
        expect([route.method, route.resource, scope, await invoke(route, scope)]).toEqual([
          route.method,
          route.resource,
          scope,
          403,
        ]);
      }
      expect([route.resource, await invoke(route, `api:read ${needed}`)]).not.toEqual([
        route.resource,
        403,
      ]);
    }
  });
});

describe("admin routes", () => {
  it("include a call in the statistics and in the audit log within seconds", async () => {
    const { get, caller, admin, settle, eventsByType } = scene();
    await settle();
    const before = (await eventsByType()).token_used ?? 0;
    await get("/api/seen", caller, { "user-agent": "<script>alert(1)</script>" });
    await settle();
    // The query itself also counts as a call.
    expect((await eventsByType()).token_used).toBe(before + 2);
    const { body } = await get("/admin/oauth/events?type=token_used&client_id=app&limit=1", admin);
    expect(body.events).toMatchObject([
      {
        event_type: "token_used",
        oauth_client_id: "app",
        user_id: "ada",
        event_data: {
          endpoint: "/api/seen",
          method: "GET",
          ip: "127.0.0.1",
          user_agent: "<script>alert(1)</script>",
        },
      },
    ]);
    expect(body.next_cursor).toEqual(expect.any(String));
    const next = await get(
      `/admin/oauth/events?type=token_used&client_id=app&limit=1&cursor=${body.next_cursor}`,
      admin,
    );
    expect(next.body.events[0].id).not.toBe(body.events[0].id);
  });

  it("list calls without a token as security events", async () => {
    const { get, admin, settle } = scene();
    await get("/api/untracked");
    await settle();
    const { body } = await get("/admin/oauth/security-events?limit=1", admin);
    expect(body.events).toMatchObject([
      {
        event_type: "auth_failed",
        event_data: { endpoint: "/api/untracked", reason: "missing_token" },
      },
    ]);
  });

  it("return statistics in the documented format", async () => {
    const { get, admin, settle } = scene();
    await issue(["api:read"]);
    await settle();
    const { body } = await get("/admin/oauth/stats", admin);
    expect(Date.parse(body.to) - Date.parse(body.from)).toBe(86_400_000);
    expect(body.total_tokens_issued).toBeGreaterThan(0);
    expect(body.total_tokens_issued).toBe(
      body.active_tokens + body.expired_tokens + body.revoked_tokens,
    );
    expect(Object.values(body.tokens_by_client)).toEqual([body.total_tokens_issued]);
  });

  it("list clients and cleanup runs, and record a cleanup on demand", async () => {
    const { get, send, admin } = scene();
    const clients = (await get("/admin/oauth/clients", admin)).body.clients;
    expect(clients.map((client: { oauth_client_id: string }) => client.oauth_client_id)).toContain(
      "app",
    );
    const schedules = (await get("/_local/schedules")).body.schedules;
    expect(schedules).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: "cleanup", expression: "rate(1 hour)" }),
        expect.objectContaining({ name: "anomalies", expression: "rate(5 minutes)" }),
      ]),
    );
    const run = (await send("POST", "/_local/schedules/cleanup/run", {})).body.result;
    expect(run).toMatchObject({ finished: true, removed: { access_tokens: expect.any(Number) } });
    expect((await get("/admin/oauth/cleanup-runs", admin)).body.cleanup_runs[0]).toEqual(run);
    expect((await send("POST", "/_local/schedules/nothing/run", {})).status).toBe(404);
  });

  it.each([
    ["stats?from=yesterday", "from"],
    ["stats?from=2026-11-23T10:00:00.000Z&to=2026-11-23T09:00:00.000Z", "before"],
    ["stats?from=2001-01-01T00:00:00.000Z", "retention"],
    ["stats?when=now", "when"],
    ["stats?from=2026-11-23T10:00:00Z&from=2026-11-23T11:00:00Z", "once"],
    ["events?limit=0", "limit"],
    ["events?limit=1e9", "limit"],
    ["events?type=UPPER", "type"],
    ["events?cursor=nonsense", "cursor"],
    ["events?country=Germany", "country"],
    ["events?asn=many", "asn"],
    ["security-events?network_type=boat", "network_type"],
    ["security-events?type=token_used", "type"],
    ["activity?from=yesterday", "from"],
    ["activity?type=auth_failed", "type"],
    ["stats?as_of=yesterday", "as_of"],
  ])("return 400 for %s and explain the error", async (path, word) => {
    const { status, headers, body } = await scene().get(`/admin/oauth/${path}`, scene().admin);
    expect(status).toBe(400);
    expect(headers["content-type"]).toBe("application/problem+json");
    expect(body.detail).toContain(word);
  });
});

describe("token store that does not respond", () => {
  it("makes the API return 503", async () => {
    const { stack, get, caller } = scene();
    await stack.stopStore();
    const { status, headers, body } = await get("/api/x", caller);
    expect(status).toBe(503);
    expect(headers["retry-after"]).toBe("1");
    expect(body.detail).toContain("could not be verified");
  });
});
