import { GetCommand, paginateScan } from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import { authorize } from "../../shared/authorization/authorize.ts";
import type { ProtectedRequest } from "../../shared/authorization/protected-request.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { HOUR_MS, toInstant } from "../../shared/core/clock.ts";
import { endSession, issueToken, revokeToken, startSession } from "../../shared/index.ts";
import { createWorld, type World } from "./store.ts";
import { throttled } from "./store-traffic.ts";

async function scene(config: MonitoringConfigInput = {}) {
  const world = await createWorld(config);
  const issued = await issueToken(world, {
    clientId: "app",
    userId: "ada",
    scopes: ["api:read", "mcp:use"],
    expiresInSeconds: 3600,
  });
  world.published.length = 0;
  world.time.nowMs += 1000;
  world.traffic.reset();
  // Events are only recorded for assertions, so all traffic at the store comes from the authorizer.
  const deferred: (() => Promise<unknown>)[] = [];
  const context = {
    ...world.context,
    sink: {
      publish: async (events: typeof world.published) => void world.published.push(...events),
    },
    defer: (task: () => Promise<unknown>) => void deferred.push(task),
  };
  const decide = (over: Partial<ProtectedRequest> = {}) =>
    authorize(context as never, {
      method: "GET",
      path: "/api/data",
      authorization: [`Bearer ${issued.secret}`],
      ip: "203.0.113.9",
      userAgent: "test/1.0",
      requestId: "r-1",
      ...over,
    });
  const afterAnswer = () => Promise.all(deferred.splice(0).map((task) => task()));
  const call = async (over: Partial<ProtectedRequest> = {}) => {
    const decision = await decide(over);
    await afterAnswer();
    return decision;
  };
  return { world, call, decide, afterAnswer, ...issued };
}

async function lastUsedAt(world: World, digest: string): Promise<unknown> {
  const { Item } = await world.db.send(
    new GetCommand({ TableName: world.tokensTable, Key: { token_digest: digest } }),
  );
  return Item?.last_used_at;
}

const types = (world: World) => world.published.map((event) => event.event_type);

describe("authorize", () => {
  it("allows a valid token in one round trip, and records where the call came from", async () => {
    const { world, call, token } = await scene();
    expect(await call()).toMatchObject({ outcome: "allowed", token: { token_id: token.token_id } });
    expect(world.traffic).toMatchObject({ roundTrips: 2, writeUnits: 1, readUnits: 1 });
    expect(await lastUsedAt(world, token.token_digest)).toBe(toInstant(world.time.nowMs));
    expect(world.published).toMatchObject([
      {
        event_type: "token_used",
        oauth_client_id: "app",
        user_id: "ada",
        occurred_at: toInstant(world.time.nowMs),
        event_data: {
          endpoint: "/api/data",
          method: "GET",
          ip: "203.0.113.9",
          user_agent: "test/1.0",
          token_id: token.token_id,
          required_scopes: ["api:read"],
          available_scopes: ["api:read", "mcp:use"],
          success: true,
        },
      },
    ]);
    expect(world.published).toHaveLength(1);
  });

  it.each([
    ["no header", [], "missing_token"],
    ["another scheme", ["Basic YTpi"], "malformed_token"],
    ["no token", ["Bearer "], "malformed_token"],
    ["two tokens", ["Bearer a b"], "malformed_token"],
    ["two headers", ["Bearer abc", "Bearer abc"], "malformed_token"],
    ["control characters", ["Bearer abc\u0000"], "malformed_token"],
    ["an unknown token", ["Bearer unknown"], "unknown_token"],
  ])("denies %s", async (_, authorization, reason) => {
    const { world, call } = await scene();
    expect(await call({ authorization })).toEqual({ outcome: "unauthenticated", reason });
    expect(world.published).toMatchObject([{ event_type: "auth_failed", event_data: { reason } }]);
  });

  it("denies a token as of exactly expires_at", async () => {
    const { world, call, token } = await scene();
    world.time.nowMs = Date.parse(token.expires_at) - 1;
    expect((await call()).outcome).toBe("allowed");
    world.time.nowMs += 1;
    expect(await call()).toEqual({ outcome: "unauthenticated", reason: "expired_token" });
    expect(world.published.at(-1)).toMatchObject({
      oauth_client_id: "app",
      event_data: { token_id: token.token_id },
    });
    expect(await lastUsedAt(world, token.token_digest)).toBe(toInstant(world.time.nowMs - 1));
  });

  it("denies a revoked token, and publishes one event for two revocations", async () => {
    const { world, call, token } = await scene();
    await revokeToken(world, token.token_id);
    world.time.nowMs += 5;
    await revokeToken(world, token.token_id);
    expect(new Set(world.published.map(({ id }) => id)).size).toBe(1);
    expect(await call()).toEqual({ outcome: "unauthenticated", reason: "revoked_token" });
    await expect(revokeToken(world, "nobody")).rejects.toThrow(/there is no token nobody/);
  });

  it("names the missing scope", async () => {
    const { world, call } = await scene();
    expect(await call({ method: "POST" })).toMatchObject({
      outcome: "insufficient_scope",
      requiredScopes: ["api:write"],
    });
    expect(world.published).toMatchObject([
      {
        event_type: "scope_violation",
        event_data: {
          required_scopes: ["api:write"],
          available_scopes: ["api:read", "mcp:use"],
          success: false,
        },
      },
    ]);
  });

  it.each(["/admin/oauth/stats", "/admin/%6fauth/stats", "/Admin/OAuth/stats", "/admin/oauth/"])(
    "requires the admin scope for %s under any configuration",
    async (path) => {
      const { call } = await scene({ routes: [{ path: "/{proxy+}", scopes: [] }] });
      expect(await call({ path })).toMatchObject({ requiredScopes: ["oauth:admin"] });
    },
  );

  it.each([
    "//admin//oauth/stats",
    "/api/../admin/oauth/stats",
    "/admin/oauth/./stats",
    "/api/%2e%2e/admin/oauth/stats",
    "/api/x%2f..%2f..%2fadmin/oauth/stats",
    "/api/x%5c..%5cadmin",
  ])(
    "rejects %s, which some servers interpret as an admin route and others do not",
    async (path) => {
      const { call } = await scene({ routes: [{ path: "/{proxy+}", scopes: [] }] });
      expect(await call({ path })).toEqual({ outcome: "invalid_path", reason: "ambiguous_path" });
    },
  );

  it("fails closed when the store does not respond", async () => {
    const { world, call } = await scene();
    world.traffic.fault = () => ({ error: new Error("connect ECONNREFUSED") });
    expect(await call()).toEqual({ outcome: "unavailable" });
    expect(types(world)).toEqual(["auth_unavailable"]);
  });

  it("falls back to a read when only the write for a busy token is throttled", async () => {
    const { world, call } = await scene();
    world.traffic.fault = ({ operation }) =>
      operation === "UpdateItem" ? { error: throttled() } : undefined;
    expect((await call()).outcome).toBe("allowed");
    expect(types(world)).toContain("token_used");
  });

  it("only reads between refreshes when an interval is set, and refreshes after the response", async () => {
    const { world, call, decide, afterAnswer, token } = await scene({
      tracking: { lastUsedIntervalSeconds: 60 },
    });
    await decide();
    expect(world.traffic).toMatchObject({ roundTrips: 2, readUnits: 2, writeUnits: 0 });
    await afterAnswer();
    expect(world.traffic).toMatchObject({ roundTrips: 3, writeUnits: 1 });
    const firstUse = toInstant(world.time.nowMs);
    world.time.nowMs += 59_999;
    await call();
    expect(await lastUsedAt(world, token.token_digest)).toBe(firstUse);
    expect(world.published.at(-1)?.occurred_at).toBe(toInstant(world.time.nowMs));
    world.time.nowMs += 1;
    await call();
    expect(await lastUsedAt(world, token.token_digest)).toBe(toInstant(world.time.nowMs));
  });

  it("creates its events after the response, with the time of the call", async () => {
    const { world, decide, afterAnswer } = await scene();
    await decide();
    expect(world.published).toEqual([]);
    const calledAt = toInstant(world.time.nowMs);
    world.time.nowMs += 500;
    await afterAnswer();
    expect(world.published).toMatchObject([{ event_type: "token_used", occurred_at: calledAt }]);
  });

  it("keeps secrets out of events wherever the caller puts them", async () => {
    const { world, call, secret } = await scene();
    await call({ path: `/api/${secret}`, userAgent: `agent ${secret}`, sessionSecret: secret });
    await call({
      authorization: ["Bearer my-own-opaque-token"],
      userAgent: "x my-own-opaque-token",
    });
    await call({ authorization: [secret] });
    await call({ authorization: ["Basic", secret], userAgent: secret });
    const encoded = secret.replace(/[a-z_]/g, (each) => `%${each.charCodeAt(0).toString(16)}`);
    await call({ path: `/api/${encoded}/%ZZ`, userAgent: encoded });
    const text = JSON.stringify(world.published);
    expect(text).not.toContain(secret);
    expect(text).not.toContain(encoded);
    expect(text).not.toContain("my-own-opaque-token");
    expect(world.published.length).toBeGreaterThan(3);
  });
});

describe("event of a call", () => {
  const lastEventData = (world: World) => world.published.at(-1)?.event_data ?? {};

  it("contains the previous use and the trace if they exist", async () => {
    const { world, call, token } = await scene({ tracking: { scopeValidationSuccess: false } });
    await call({ traceId: "1-a", requestId: "r-7" });
    expect(types(world)).toEqual(["token_used"]);
    expect(lastEventData(world)).toEqual({
      endpoint: "/api/data",
      method: "GET",
      ip: "203.0.113.9",
      user_agent: "test/1.0",
      request_id: "r-7",
      trace_id: "1-a",
      token_id: token.token_id,
      previous_use: null,
    });
    const at = toInstant(world.time.nowMs);
    world.time.nowMs += 1000;
    await call({ userAgent: undefined, ip: "203.0.113.10" });
    expect(lastEventData(world).previous_use).toEqual({ at, ip: "203.0.113.9" });
    for (const name of ["user_agent", "trace_id"]) {
      expect(lastEventData(world)).not.toHaveProperty(name);
    }
  });

  it("contains at most 1024 characters of each text from the caller, unchanged", async () => {
    const { world, call } = await scene();
    await call({ path: `/api/${"x".repeat(2000)}`, userAgent: "%41 agent %" });
    expect(String(lastEventData(world).endpoint)).toHaveLength(1024);
    expect(lastEventData(world).user_agent).toBe("%41 agent %");
  });

  it("redacts a secret of at least eight characters anywhere, encoded or not", async () => {
    const { world, call } = await scene();
    const shown = async (secret: string, path: string, userAgent = path) => {
      await call({ authorization: [`Bearer ${secret}`], path, userAgent });
      const { endpoint, user_agent } = lastEventData(world);
      return [endpoint, user_agent];
    };
    expect(await shown("12345678", "/a/12345678/b12345678")).toEqual(
      Array(2).fill("/a/[secret]/b[secret]"),
    );
    expect(await shown("12345678", "/a/%31%32345678/%2F")).toEqual(Array(2).fill("/a/[secret]//"));
    expect(await shown("1234567", "/a/1234567")).toEqual(Array(2).fill("/a/1234567"));
    await call({ sessionSecret: "a-session", path: "/a/a-session" });
    expect(world.published.at(-1)?.event_data.endpoint).toBe("/a/[secret]");
    // An authentication scheme is not secret. A word with 16 characters may be.
    await call({
      authorization: [`Customary ${"k".repeat(16)}`],
      path: `/Customary/${"k".repeat(16)}`,
    });
    expect(lastEventData(world).endpoint).toBe("/Customary/[secret]");
    await call({ authorization: [`Customary ${"k".repeat(15)}`], path: `/${"k".repeat(15)}` });
    expect(lastEventData(world).endpoint).toBe(`/${"k".repeat(15)}`);
  });

  const JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";
  const OPAQUE = "acme_at_0123456789abcdef.x/y+z";

  it.each([
    ["a JWT", JWT],
    ["a token with the prefix of an issuer", OPAQUE],
    ["a token that the product issued", `oam_${"k".repeat(43)}`],
  ])("redacts %s without an Authorization header, encoded or not", async (_, token) => {
    const introspection = {
      tokenPrefix: "acme_",
      clientId: "c",
      secretArn: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:s",
      endpoint: "https://login.example.com/introspect",
    };
    const issuer = {
      issuer: "https://login.example.com",
      audiences: ["api"],
      verification: "introspection" as const,
      introspection,
    };
    const { world, call } = await scene({ issuers: [issuer] });
    const once = encodeURIComponent(token).replaceAll(".", "%2E");
    const every = [...token].map((each) => `%${each.charCodeAt(0).toString(16)}`).join("");
    for (const written of [token, once, every, encodeURIComponent(every)]) {
      await call({
        authorization: [],
        path: `/api/x=${written}`,
        userAgent: `agent ${written}`,
        details: { graphql_operation: written, list: [written] },
      });
      const text = JSON.stringify(lastEventData(world));
      for (const part of [token, written, token.slice(-8)]) expect(text).not.toContain(part);
      expect(lastEventData(world).endpoint).toMatch(/^\/api\/x=(\[secret\]|sha256:[0-9a-f]{64})$/);
      expect(lastEventData(world).user_agent).toMatch(/^agent (\[secret\]|sha256:[0-9a-f]{64})$/);
    }
    await call({ authorization: [], path: "/api/acme_orders/2026" });
    expect(lastEventData(world).endpoint).toBe("/api/acme_orders/2026");
  });

  it("cuts each text that an unauthenticated caller sends to 256 bytes", async () => {
    const { world, call, secret } = await scene();
    const long = {
      method: "X".repeat(2000),
      path: `/${"é".repeat(2000)}`,
      userAgent: "a".repeat(2000),
      requestId: "r".repeat(2000),
      traceId: "t".repeat(2000),
      details: { graphql_operation: "o".repeat(2000) },
    };
    const unknown = `Bearer oam_${"k".repeat(43)}`;
    for (const authorization of [[], [unknown], ["Basic x"]]) {
      await call({ ...long, authorization });
      const { endpoint, ...texts } = lastEventData(world);
      expect(endpoint).toBe(`/${"é".repeat(127)}`);
      for (const text of Object.values(texts)) expect(String(text).length).toBeLessThanOrEqual(256);
      expect(texts).toMatchObject({ request_id: "r".repeat(64), trace_id: "t".repeat(64) });
    }
    await call({ ...long, method: "GET" });
    expect(String(lastEventData(world).user_agent)).toHaveLength(1024);
    expect(secret).not.toBe("");
  });

  it("contains the matched rule's path for a denied call, or states that no rule matched", async () => {
    const { world, call } = await scene({ routes: [{ path: "/orders/{id}", scopes: ["s"] }] });
    for (const [path, route] of [
      ["/orders/1", "/orders/{id}"],
      ["/%6Frders/2", "/orders/{id}"],
      ["/orders/1/2", "(unrouted)"],
      ["/admin/oauth/events", "/admin/oauth/{proxy+}"],
      ["/%zz", "(unrouted)"],
    ] as const) {
      await call({ authorization: [], path });
      expect(lastEventData(world)).toMatchObject({ endpoint: path, route });
    }
    // For a caller with a token, the event contains the requested path instead of the rule's path.
    await call();
    expect(lastEventData(world)).not.toHaveProperty("route");
  });

  it("contains no scopes if the route requires none", async () => {
    const { world, call } = await scene({ routes: [{ path: "/api/data", scopes: [] }] });
    expect((await call()).outcome).toBe("allowed");
    expect(types(world)).toEqual(["token_used"]);
  });

  it.each([
    ["/api/%ZZ", "malformed_path"],
    ["/api/%2e%2e/admin", "ambiguous_path"],
    ["http://x/api/data", "ambiguous_path"],
  ] as const)("rejects and records a call whose path is %s", async (path, reason) => {
    const { world, call } = await scene();
    expect(await call({ path })).toEqual({ outcome: "invalid_path", reason });
    expect(lastEventData(world)).toMatchObject({ reason, endpoint: path });
    expect(types(world)).toEqual(["auth_failed"]);
  });

  it("uses the rule for the route that the gateway selected, not for the path", async () => {
    const { call } = await scene({ routes: [{ path: "/public/{x}", scopes: ["api:read"] }] });
    const routed = { paths: ["/admin/oauth/events"], isExact: true };
    expect(await call({ path: "/public/x", routed })).toMatchObject({
      outcome: "insufficient_scope",
      requiredScopes: ["oauth:admin"],
    });
  });

  it("is also logged when the store does not respond", async () => {
    const { world, call } = await scene();
    world.traffic.fault = () => ({ error: new Error("connect ECONNREFUSED") });
    await call({ requestId: "r-9" });
    expect(world.context.logger.lines).toMatchObject([
      { level: "error", extra: [{ request_id: "r-9", cause: "Error: connect ECONNREFUSED" }] },
    ]);
    expect(lastEventData(world)).toMatchObject({ request_id: "r-9", endpoint: "/api/data" });
  });
});

it("authorize writes immediately when the address changes, even with an interval", async () => {
  const { world, call, token } = await scene({ tracking: { lastUsedIntervalSeconds: 60 } });
  await call();
  world.time.nowMs += 1000;
  await call({ ip: "198.51.100.1" });
  expect(await lastUsedAt(world, token.token_digest)).toBe(toInstant(world.time.nowMs));
  const written = world.time.nowMs;
  world.time.nowMs += 1000;
  await call({ ip: "198.51.100.1" });
  expect(await lastUsedAt(world, token.token_digest)).toBe(toInstant(written));
});

it.each(["ProvisionedThroughputExceededException", "RequestLimitExceeded"])(
  "authorize falls back to a read only if the write fails with %s",
  async (name) => {
    const { world, call } = await scene();
    const failing = (error: Error) => {
      world.traffic.fault = ({ operation }) => (operation === "UpdateItem" ? { error } : undefined);
    };
    failing(Object.assign(new Error(), { name, $fault: "client" }));
    expect((await call()).outcome).toBe("allowed");
    failing(Object.assign(new Error(), { name: "AccessDenied", $fault: "client" }));
    expect((await call()).outcome).toBe("unavailable");
  },
);

it("authorize never replaces a later use with an earlier one", async () => {
  const { world, call, token } = await scene();
  const latest = toInstant(world.time.nowMs);
  await call();
  world.time.nowMs -= 500;
  expect((await call()).outcome).toBe("allowed");
  expect(await lastUsedAt(world, token.token_digest)).toBe(latest);
});

describe("sessions", () => {
  const routes = [{ path: "/api/mcp", scopes: ["mcp:use"], session: "required" as const }];
  const withSession = async (
    over: { clientId?: string; userId?: string; scopes?: string[] } = {},
  ) => {
    const base = await scene({ routes });
    const session = await startSession(base.world, {
      clientId: "app",
      userId: "ada",
      scopes: ["mcp:use"],
      expiresInSeconds: 600,
      ...over,
    });
    base.world.published.length = 0;
    base.world.traffic.reset();
    const enter = (sessionSecret: string | undefined = session.secret) =>
      base.call({ path: "/api/mcp", sessionSecret });
    return { ...base, ...session, sessionSecret: session.secret, enter };
  };

  it("are accepted for the token's client and user, and report their scopes", async () => {
    const { world, enter, session } = await withSession();
    expect(await enter()).toMatchObject({
      outcome: "allowed",
      session: { session_id: session.session_id },
    });
    // Reads the token, the session and the deny list's position in parallel.
    expect(world.traffic.roundTrips).toBe(3);
    expect(world.published.at(-1)).toMatchObject({
      event_type: "token_used",
      event_data: { session_id: session.session_id, available_scopes: ["mcp:use"] },
    });
  });

  it("need the scope in both the session and the token", async () => {
    const { enter } = await withSession({ scopes: ["api:read"] });
    expect((await enter()).outcome).toBe("insufficient_scope");
    const more = await withSession({ scopes: ["mcp:use", "mcp:admin"] });
    expect((await more.enter()).outcome).toBe("allowed");
    expect(more.world.published.at(-1)?.event_data.session_id).toBe(more.session.session_id);
    // A session cannot grant a scope that the token doesn't have.
    expect(more.world.published.at(-1)?.event_data.available_scopes).toEqual(["mcp:use"]);
  });

  it("are denied if missing, unknown, ended, expired, or started for another client", async () => {
    const { world, call, enter, session, sessionSecret } = await withSession();
    const missing = await call({ path: "/api/mcp" });
    expect(missing).toMatchObject({ outcome: "invalid_session", reason: "missing_session" });
    expect(await enter("nonsense")).toMatchObject({ reason: "unknown_session" });
    world.time.nowMs = Date.parse(session.expires_at);
    expect(await enter()).toMatchObject({ reason: "expired_session" });
    await endSession(world, sessionSecret);
    expect(types(world)).toContain("session_ended");
    expect(await enter()).toMatchObject({ reason: "unknown_session" });
    const other = await withSession({ clientId: "other" });
    expect(await other.enter()).toMatchObject({ reason: "foreign_session" });
    const bobs = await withSession({ userId: "bob" });
    expect(await bobs.enter()).toMatchObject({ reason: "foreign_session" });
    expect(bobs.world.published.at(-1)).toMatchObject({
      event_type: "auth_failed",
      oauth_client_id: "app",
      event_data: { reason: "foreign_session", token_id: bobs.token.token_id },
    });
  });
});

describe("stored items", () => {
  it("contain no token or session secret", async () => {
    const world = await createWorld();
    const { secret } = await issueToken(world, {
      clientId: "a",
      scopes: ["s"],
      expiresInSeconds: 60,
    });
    const session = await startSession(world, {
      clientId: "a",
      scopes: [],
      expiresInSeconds: HOUR_MS / 1000,
    });
    for (const TableName of [world.tokensTable, world.sessionsTable, world.eventsTable]) {
      for await (const { Items } of paginateScan({ client: world.db }, { TableName })) {
        expect(JSON.stringify(Items)).not.toMatch(new RegExp(`${secret}|${session.secret}`));
        expect(Items?.length).toBeGreaterThan(0);
      }
    }
  });
});
