import { setTimeout as sleep } from "node:timers/promises";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { queueNamed } from "../../../local/services/queues.ts";
import { HOUR_MS } from "../../../shared/core/clock.ts";
import {
  issueToken,
  queryEvents,
  revokeNamedToken,
  revokeToken,
  type StoredEvent,
  startSession,
  takeAction,
} from "../../../shared/index.ts";
import { API, CLIENT_SECRET, dpopKey, startRealIssuer } from "../../integration/real-issuer.ts";
import { useStack } from "../stack.ts";
import {
  type Adapter,
  type AdapterAnswer,
  type CallHeaders,
  lambdaAdapters,
  nodeAdapters,
} from "./adapters.ts";
import { synthesizeAdapters } from "./adapters-assembly.ts";

const [jwtIssuer, opaqueIssuer] = await Promise.all([startRealIssuer(), startRealIssuer()]);
afterAll(() => Promise.all([jwtIssuer.close(), opaqueIssuer.close()]));
const SECRET_ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:api-AbCdEf";
const PUBLIC_URL = "https://api.example.com";

const { assembly, remove } = await synthesizeAdapters({
  dpop: { publicBaseUrls: [PUBLIC_URL] },
  issuers: [
    { issuer: jwtIssuer.issuer, audiences: [API], idPrefix: "jwt:" },
    {
      issuer: opaqueIssuer.issuer,
      idPrefix: "opaque:",
      verification: "introspection",
      introspection: { clientId: "api", secretArn: SECRET_ARN },
    },
  ],
  routes: [
    { path: "/api/session/{proxy+}", scopes: ["mcp:use"], session: "required" },
    { path: "/api/admin/{proxy+}", scopes: ["api:admin"] },
  ],
});
afterAll(remove);
const scene = useStack({
  assembly: () => assembly,
  visibilitySeconds: 3,
  secrets: new Map([[SECRET_ARN, CLIENT_SECRET]]),
});

const IP = "203.0.113.9";
const USER_AGENT = "adapter-test/1.0";
const DESCRIPTION = "The access token is missing, malformed, unknown, expired or revoked";
const PROOF_DESCRIPTION =
  "The DPoP proof is missing, malformed, already used, too old, or for another request or key";

interface Case {
  readonly name: string;
  readonly method?: string;
  /** Overrides the path `/api`. */
  readonly base?: string;
  headers(): Promise<CallHeaders>;
  /** Runs before the first call. */
  before?(): Promise<unknown>;
  /** Proves possession of the key that the token is bound to. */
  readonly proves?: {
    /** Number of calls that send the proof. The test checks the response to the last call. */
    readonly times?: number;
    /** Overrides the URL in the proof. */
    readonly url?: string;
  };
  /** Client that makes an allowed call. */
  readonly clientId?: string;
  readonly userId?: string;
  readonly status: number;
  /** `error` in the challenge and the problem document. */
  readonly error?: string;
  readonly scope?: string;
  readonly eventType: string;
  readonly reason?: string;
}

const issue = (scopes: string[], ago = 0) =>
  issueToken(
    { ...scene().library, clock: () => scene().library.clock() - ago },
    { clientId: "shop", userId: "ada", scopes, expiresInSeconds: 3600 },
  );
const bearer = async (scopes: string[], ago = 0) => ({
  authorization: `Bearer ${(await issue(scopes, ago)).secret}`,
});
const rejected = (reason: string) => ({
  status: 401,
  eventType: "auth_failed",
  reason,
  ...(reason === "missing_token" ? {} : { error: "invalid_token" }),
});

/** Key that DPoP-bound tokens are bound to. */
const key = await dpopKey();
const nowSeconds = () => Math.floor(Date.now() / 1000);
type Issuer = typeof jwtIssuer;
const boundTo = async (issuer: Issuer) => ({
  DPoP: await key.prove("POST", `${issuer.issuer}/token`, nowSeconds()),
});
const userJwt = async (headers = {}) =>
  (await jwtIssuer.userTokens("ada", { resource: API, headers })).access_token;
const userOpaque = async (headers = {}) =>
  (await opaqueIssuer.userTokens("ada", { headers })).access_token;
const asBearer = async (token: Promise<string>) => ({ authorization: `Bearer ${await token}` });
const asDpop = async (token: Promise<string>) => ({ authorization: `DPoP ${await token}` });
const allowed = { status: 200, eventType: "token_used" };
const JWT_USER = { clientId: "jwt:web", userId: "jwt:ada" };
const OPAQUE_USER = { clientId: "opaque:web", userId: "opaque:ada" };
const wrongProof = (reason: string) => ({ ...rejected(reason), error: "invalid_dpop_proof" });

/** Tokens from the real issuers. */
const ISSUED: readonly Case[] = [
  { name: "a JWT of a user", headers: () => asBearer(userJwt()), ...JWT_USER, ...allowed },
  {
    name: "a JWT with too few scopes",
    method: "POST",
    headers: () => asBearer(userJwt()),
    ...JWT_USER,
    status: 403,
    error: "insufficient_scope",
    scope: "api:write",
    eventType: "scope_violation",
  },
  {
    name: "the same JWT once it is revoked",
    headers: async () => credentials.get("a JWT of a user") ?? {},
    before() {
      const text = String(credentials.get("a JWT of a user")?.authorization).slice(
        "Bearer ".length,
      );
      const jti = String(decodeJwt(text).jti);
      const { issuer } = jwtIssuer;
      return revokeNamedToken(scene().library, { issuer, jti, clientId: "jwt:web" });
    },
    ...JWT_USER,
    ...rejected("revoked_token"),
  },
  {
    name: "an expired JWT",
    headers: () => asBearer(jwtIssuer.sign({ secondsAgo: 601 })),
    clientId: "jwt:service",
    ...rejected("expired_token"),
  },
  {
    name: "a JWT signed with a foreign key",
    headers: () => asBearer(jwtIssuer.sign({ foreign: true })),
    ...rejected("invalid_signature"),
  },
  {
    name: "an ID token",
    headers: () => asBearer(jwtIssuer.userTokens("ada").then(({ id_token }) => id_token)),
    ...rejected("wrong_token_type"),
  },
  {
    name: "an introspected token",
    headers: () => asBearer(userOpaque()),
    ...OPAQUE_USER,
    ...allowed,
  },
  {
    name: "an introspected token that its issuer revoked",
    async headers() {
      const token = await userOpaque();
      await opaqueIssuer.revoke(token, "web");
      return { authorization: `Bearer ${token}` };
    },
    ...rejected("inactive_token"),
  },
  {
    name: "a bound JWT with its proof",
    headers: async () => asDpop(userJwt(await boundTo(jwtIssuer))),
    proves: {},
    ...JWT_USER,
    ...allowed,
  },
  {
    name: "a bound introspected token with its proof",
    headers: async () => asDpop(userOpaque(await boundTo(opaqueIssuer))),
    proves: {},
    ...OPAQUE_USER,
    ...allowed,
  },
  {
    name: "a bound JWT as Bearer",
    headers: async () => asBearer(userJwt(await boundTo(jwtIssuer))),
    ...JWT_USER,
    ...wrongProof("missing_dpop_proof"),
  },
  {
    name: "a bound JWT as Bearer together with its proof",
    headers: async () => asBearer(userJwt(await boundTo(jwtIssuer))),
    proves: {},
    ...JWT_USER,
    ...rejected("downgraded_token"),
  },
  {
    name: "a bound JWT with a replayed proof",
    headers: async () => asDpop(userJwt(await boundTo(jwtIssuer))),
    proves: { times: 2 },
    ...JWT_USER,
    ...wrongProof("replayed_dpop_proof"),
  },
  {
    name: "a bound JWT with a proof for another URL",
    headers: async () => asDpop(userJwt(await boundTo(jwtIssuer))),
    proves: { url: `${PUBLIC_URL}/api/other` },
    ...JWT_USER,
    ...wrongProof("foreign_dpop_proof"),
  },
];

const CASES: readonly Case[] = [
  {
    name: "a good token",
    headers: () => bearer(["api:read"]),
    status: 200,
    eventType: "token_used",
  },
  { name: "no token", headers: async () => ({}), ...rejected("missing_token") },
  {
    name: "a malformed token",
    headers: async () => ({ authorization: "Bearer not a token" }),
    ...rejected("malformed_token"),
  },
  {
    name: "another scheme",
    headers: async () => ({ authorization: "Basic YTpi" }),
    ...rejected("malformed_token"),
  },
  {
    name: "an unknown token",
    headers: async () => ({ authorization: "Bearer oam_unknown-token-of-nobody-at-all" }),
    ...rejected("unknown_token"),
  },
  {
    name: "an expired token",
    headers: () => bearer(["api:read"], 2 * HOUR_MS),
    ...rejected("expired_token"),
  },
  {
    name: "a revoked token",
    async headers() {
      const { secret, token } = await issue(["api:read"]);
      await revokeToken(scene().library, token.token_id);
      return { authorization: `Bearer ${secret}` };
    },
    ...rejected("revoked_token"),
  },
  {
    name: "too few scopes",
    method: "POST",
    headers: () => bearer(["api:read"]),
    status: 403,
    error: "insufficient_scope",
    scope: "api:write",
    eventType: "scope_violation",
  },
  {
    name: "no session",
    base: "/api/session",
    headers: () => bearer(["mcp:use"]),
    status: 403,
    error: "invalid_session",
    eventType: "auth_failed",
    reason: "missing_session",
  },
  {
    name: "a live session",
    base: "/api/session",
    async headers() {
      const { secret } = await startSession(scene().library, {
        clientId: "shop",
        userId: "ada",
        scopes: ["mcp:use"],
        expiresInSeconds: 600,
      });
      return { ...(await bearer(["mcp:use"])), "mcp-session-id": secret };
    },
    status: 200,
    eventType: "token_used",
  },
  ...ISSUED,
];

const slug = (text: string) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-");
/** Returns a unique path for a case at an adapter. The test finds the event by this path. */
const getPath = (adapter: string, { name, base = "/api" }: Case) =>
  `${base}/${slug(name)}/${slug(adapter)}`;

async function call(adapter: Adapter, each: Case, headers: CallHeaders): Promise<AdapterAnswer> {
  const { method = "GET", proves } = each;
  const path = getPath(adapter.name, each);
  const sent: Record<string, string | readonly string[]> = {
    ...headers,
    "x-forwarded-for": IP,
    "user-agent": USER_AGENT,
  };
  if (proves) {
    const accessToken = String(headers.authorization).replace(/^\S+ /, "");
    const url = proves.url ?? PUBLIC_URL + path;
    sent.dpop = await key.prove(method, url, nowSeconds(), { accessToken });
  }
  for (let made = 1; made < (proves?.times ?? 1); made += 1) {
    let { status } = await adapter.call(method, path, sent);
    // On a busy machine, the store may not answer within a second. The proof is then still unused, so call once more.
    if (status === 503) ({ status } = await adapter.call(method, path, sent));
    expect([adapter.name, status]).toEqual([adapter.name, 200]);
  }
  return adapter.call(method, path, sent);
}

/** Checks the challenge and the body when an adapter that writes its own responses denies a call. */
function expectDenial({ challengeField }: Adapter, answer: AdapterAnswer, each: Case): void {
  const { status, error, scope, reason } = each;
  const challenge = String(answer.headers[challengeField]);
  const description = answer.body.detail;
  const wantsProof = error === "invalid_dpop_proof" || reason === "downgraded_token";
  const attributes = [
    'realm="oauth-monitoring"',
    ...(error ? [`error="${error}"`, `error_description="${description}"`] : []),
    ...(scope ? [`scope="${scope}"`] : []),
    ...(wantsProof ? ['algs="ES256 ES384 EdDSA Ed25519 RS256 PS256"'] : []),
  ];
  expect(challenge).toBe(`${wantsProof ? "DPoP" : "Bearer"} ${attributes.join(", ")}`);
  if (status === 401) {
    expect(description).toBe(error === "invalid_dpop_proof" ? PROOF_DESCRIPTION : DESCRIPTION);
  }
  expect(answer.headers["content-type"]).toBe("application/problem+json");
  expect(answer.headers["cache-control"]).toBe("no-store");
  expect(answer.body).toEqual({
    type: `urn:oauth-monitoring:problem:${status === 401 ? "unauthorized" : "forbidden"}`,
    title: status === 401 ? "Unauthorized" : "Forbidden",
    status,
    detail: expect.any(String),
    request_id: expect.any(String),
    ...(error && { error }),
    ...(scope && { scope }),
  });
}

/** Checks API Gateway's response to a denied call: a gateway response (REST API) or a fixed text (HTTP API). */
function expectGatewayRejection(adapter: Adapter, answer: AdapterAnswer, each: Case): void {
  if (adapter.answers === "http-api") {
    expect(answer.body).toEqual({ message: each.status === 401 ? "Unauthorized" : "Forbidden" });
    return;
  }
  // A gateway response has the same text for every 401.
  const error = each.status === 401 ? "invalid_token" : each.error;
  expect(answer.headers["www-authenticate"]).toContain(`error="${error}"`);
  expect(answer.body).toMatchObject({ status: each.status, error });
}

const callerIn = ({ body }: AdapterAnswer) => {
  const { principalId: _, integrationLatency: __, ...caller } = body.caller ?? body.authorizer;
  return caller;
};

let adapters: Adapter[];
let servers: Awaited<ReturnType<typeof nodeAdapters>>;
/** Headers of each case. Every adapter gets the same headers. */
const credentials = new Map<string, CallHeaders>();
beforeAll(async () => {
  servers = await nodeAdapters(scene());
  adapters = [...lambdaAdapters(scene()), ...servers.adapters];
  for (const each of CASES) credentials.set(each.name, await each.headers());
});
afterAll(() => servers?.close());

describe.each(CASES)("a call with $name", (each) => {
  it("gets the same answer from every adapter", async () => {
    await each.before?.();
    const answers = await Promise.all(
      adapters.map((adapter) => call(adapter, each, credentials.get(each.name) ?? {})),
    );
    const [atRestApi] = answers;
    for (const [index, answer] of answers.entries()) {
      const adapter = adapters[index] as Adapter;
      expect([adapter.name, answer.status]).toEqual([adapter.name, each.status]);
      if (each.status === 200) {
        expect(callerIn(answer)).toEqual(callerIn(atRestApi as AdapterAnswer));
        expect(callerIn(answer)).toMatchObject({
          oauth_client_id: each.clientId ?? "shop",
          user_id: each.userId ?? "ada",
        });
      } else if (adapter.answers === "itself") expectDenial(adapter, answer, each);
      else expectGatewayRejection(adapter, answer, each);
    }
  });
});

describe("ambiguous path", () => {
  const answersTo = async (path: string, scopes: string[]) => {
    const headers = { ...(await bearer(scopes)), "x-forwarded-for": IP };
    return Promise.all(
      adapters.map(async (adapter) => [adapter, await adapter.call("GET", path, headers)] as const),
    );
  };

  it("requires the scopes of the decoded path at every adapter", async () => {
    for (const [adapter, { status, body }] of await answersTo("/api/%61dmin/x", ["api:read"])) {
      expect([adapter.name, status]).toEqual([adapter.name, 403]);
      if (adapter.answers === "itself") expect(body.scope.split(" ")).toContain("api:admin");
    }
  });

  it.each(["/api//x", "/api/x%2fy", "/api/x%5cy", "/api/%zz"])(
    "is rejected at every adapter when it is %s",
    async (path) => {
      const answers = await answersTo(path, ["api:read", "api:admin"]);
      // An HTTP API decodes the path before it selects a route, so the route is known.
      for (const [adapter, { status, body }] of answers.filter(
        ([{ name }]) => !/HTTP API/.test(name),
      )) {
        // A REST API's authorizer cannot return 400.
        const isRestApi = adapter.answers === "rest-api";
        expect([adapter.name, status]).toEqual([adapter.name, isRestApi ? 403 : 400]);
        // If the path cannot be decoded, Fastify itself responds.
        if (!isRestApi) expect(["invalid_request", "Bad Request"]).toContain(body.error);
      }
    },
  );
});

describe("calls that race with actions", () => {
  it("are denied by every adapter if they start after the action is confirmed", {
    timeout: 60_000,
  }, async () => {
    const actor = { kind: "administrator", id: "root" } as const;
    const targets = await Promise.all(
      ["block", "revoke", "revoke", "block"].map(async (kind, n) => {
        const userId = `racer-${n}`;
        const { secret, token } = await issueToken(scene().library, {
          clientId: "racing",
          userId,
          scopes: ["api:read"],
          expiresInSeconds: 3600,
        });
        const target =
          n < 2
            ? { kind: "user" as const, id: userId }
            : { kind: "token" as const, id: token.token_id };
        return { kind: kind as "block" | "revoke", target, secret };
      }),
    );
    const confirmed = new Set<number>();
    const wrong: string[] = [];
    const calls = { before: 0, after: 0 };
    let isOver = false;
    const calling = adapters.map(async (adapter) => {
      while (!isOver) {
        for (const [n, { secret }] of targets.entries()) {
          const isConfirmed = confirmed.has(n);
          const headers = { authorization: `Bearer ${secret}` };
          const { status } = await adapter.call("GET", "/api/race", headers);
          calls[isConfirmed ? "after" : "before"] += 1;
          if (isConfirmed && status === 200) wrong.push(`${adapter.name}: ${n}`);
        }
      }
    });
    while (calls.before < adapters.length) await sleep(20);
    for (const [n, { kind, target }] of targets.entries()) {
      const until = new Date(Date.now() + HOUR_MS).toISOString();
      const request = { kind, target, reason: "race", actor, ...(kind === "block" && { until }) };
      expect((await takeAction(scene().library, request)).state).toBe("done");
      confirmed.add(n);
    }
    while (calls.after < 4 * adapters.length) await sleep(20);
    isOver = true;
    await Promise.all(calling);
    expect(wrong).toEqual([]);
    for (const adapter of adapters) {
      for (const { secret } of targets) {
        const headers = { authorization: `Bearer ${secret}` };
        const { status } = await adapter.call("GET", "/api/race", headers);
        expect([adapter.name, status]).not.toEqual([adapter.name, 200]);
      }
    }
  });
});

describe("audit log", () => {
  const events = new Map<string, StoredEvent[]>();
  beforeAll(async () => {
    await servers.monitoring.flush();
    await scene().settle();
    for (const type of new Set(CASES.map(({ eventType }) => eventType))) {
      let cursor: string | null | undefined;
      do {
        const page = await queryEvents(scene().library, {
          type,
          limit: 1000,
          cursor: cursor ?? undefined,
        });
        for (const event of page.events) {
          const endpoint = String(event.event_data.endpoint);
          events.set(endpoint, [...(events.get(endpoint) ?? []), event]);
        }
        cursor = page.next_cursor;
      } while (cursor);
    }
  });

  /** Returns the event's fields that must be the same at every adapter. */
  const comparable = ({ event_type, oauth_client_id, user_id, event_data }: StoredEvent) => {
    const { endpoint: _, request_id, trace_id: __, previous_use: ___, route, ...data } = event_data;
    expect(request_id).toEqual(expect.any(String));
    // Only some gateways pass the route to the authorizer.
    expect([undefined, "(unrouted)", "/api/{proxy+}", "/mcp"]).toContain(route);
    return { event_type, oauth_client_id, user_id, data };
  };

  it.each(CASES)("contains the same event from each adapter for a call with $name", (each) => {
    const found = adapters.map(({ name }) => {
      const path = getPath(name, each);
      // An HTTP API decodes the path before the authorizer gets it.
      const stored = events.get(path) ?? events.get(decodeURIComponent(path)) ?? [];
      // The first call with a replayed proof was allowed.
      return stored.filter(({ event_type }) => event_type === each.eventType);
    });
    expect(found.map(({ length }) => length)).toEqual(adapters.map(() => 1));
    const [atRestApi, ...others] = found.flat().map(comparable);
    expect(atRestApi).toMatchObject({
      event_type: each.eventType,
      data: {
        method: each.method ?? "GET",
        ip: IP,
        user_agent: USER_AGENT,
        ...(each.reason && { reason: each.reason }),
      },
    });
    if (each.clientId) {
      expect(atRestApi).toMatchObject({
        oauth_client_id: each.clientId,
        data: { token_id: expect.stringMatching(/^[0-9a-f]{32}$/) },
      });
      expect(atRestApi?.user_id).toBe(each.userId);
    }
    for (const other of others) expect(other).toEqual(atRestApi);
  });

  it("contains one token_issued event for each allowed token from another issuer", async () => {
    const { events: seen } = await queryEvents(scene().library, {
      type: "token_seen",
      limit: 1000,
    });
    const ids = seen.map(({ event_data }) => event_data.token_id);
    expect(new Set(ids).size).toBe(ids.length);
    const issuers = seen.map(({ event_data }) => event_data.issuer);
    const of = ({ issuer }: Issuer) => issuers.filter((each) => each === issuer).length;
    // The tokens that reached the store: two unbound, two with their own proof, and both introspected tokens.
    expect([of(jwtIssuer), of(opaqueIssuer)]).toEqual([4, 2]);
  });

  it("contains no secret from any call", async () => {
    const text = (await scene().storeText()) + scene().busTraffic.join() + scene().logs.join();
    const secrets = [...credentials.values()]
      .flatMap((headers) => Object.values(headers).flat())
      .map((value) => String(value).replace(/^(Bearer|DPoP) /, ""))
      .filter((value) => value.length >= 20);
    expect(secrets.length).toBeGreaterThan(5);
    for (const secret of secrets) expect(text.includes(secret)).toBe(false);
  });
});

describe("event bus", () => {
  const endpoints = (each: Case) => adapters.map(({ name }) => getPath(name, each));
  const callAll = (each: Case) =>
    Promise.all(
      adapters.map((adapter) => call(adapter, each, credentials.get("a good token") ?? {})),
    );

  it("delays no response at any adapter when it is slow", async () => {
    const slow: Case = { ...(CASES[0] as Case), name: "a slow bus" };
    const { stack, busTraffic, settle } = scene();
    const isPublished = (path: string) => busTraffic.some((entry) => entry.includes(path));
    stack.eventBus.delayMs = 1500;
    for (const adapter of adapters) {
      const { status } = await call(adapter, slow, credentials.get("a good token") ?? {});
      const path = getPath(adapter.name, slow);
      expect([adapter.name, status, isPublished(path)]).toEqual([adapter.name, 200, false]);
    }
    stack.eventBus.delayMs = 0;
    await servers.monitoring.flush();
    const missing = () => endpoints(slow).filter((path) => !isPublished(path));
    await expect.poll(missing, { timeout: 20_000 }).toEqual([]);
    await settle();
  });

  it("loses no event from any adapter when it is down", async () => {
    const down: Case = { ...(CASES[0] as Case), name: "no bus" };
    const { stack, library, settle } = scene();
    const unpublished = queueNamed(stack.queues, stack.named("queue", "Unpublished"));
    stack.eventBus.down = true;
    expect((await callAll(down)).map(({ status }) => status)).toEqual(adapters.map(() => 200));
    await servers.monitoring.flush();
    await expect
      .poll(() => unpublished.visible + unpublished.inFlight, { timeout: 20_000 })
      .toBe(adapters.length);
    stack.eventBus.down = false;
    await settle();
    const { events } = await queryEvents(library, { type: "token_used", limit: 1000 });
    const stored = events.map(({ event_data }) => event_data.endpoint);
    expect(endpoints(down).filter((path) => !stored.includes(path))).toEqual([]);
  });
});

describe("token store that does not respond", () => {
  it("makes every adapter deny calls and publish the denials", async () => {
    const good = credentials.get("a good token") ?? {};
    await scene().stack.stopStore();
    const down: Case = { ...(CASES[0] as Case), name: "no store" };
    for (const adapter of adapters) {
      const answer = await call(adapter, down, good);
      expect([adapter.name, answer.status]).toEqual([
        adapter.name,
        // An HTTP API has no gateway response that could change the status to 503.
        adapter.answers === "http-api" ? 500 : 503,
      ]);
      if (adapter.answers === "http-api") continue;
      expect(answer.headers["retry-after"]).toBe("1");
      expect(answer.headers).not.toHaveProperty("www-authenticate");
      expect(answer.body).toMatchObject({ title: "Service unavailable", status: 503 });
    }
    await servers.monitoring.flush();
    const notified = () =>
      scene().busTraffic.filter(
        (entry) => entry.includes("oauth.auth_unavailable") && entry.includes("/no-store/"),
      );
    await expect.poll(() => notified().length, { timeout: 10_000 }).toBe(adapters.length);
    for (const adapter of adapters) {
      expect(
        notified().filter((entry) => entry.includes(`${getPath(adapter.name, down)}\\`)),
      ).toHaveLength(1);
    }
  });
});
