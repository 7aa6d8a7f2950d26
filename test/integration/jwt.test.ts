import { createHmac } from "node:crypto";
import { paginateScan } from "@aws-sdk/lib-dynamodb";
import { exportJWK, type JWTPayload } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { HOUR_MS, MINUTE_MS, toInstant } from "../../shared/core/clock.ts";
import {
  revokeNamedToken,
  revokePrincipal,
  revokeToken,
  takeAction,
  tokenUsageStats,
} from "../../shared/index.ts";
import { newKey, type SigningIssuer, startSigningIssuer } from "./signing-issuer.ts";
import { tokenScene } from "./token-scene.ts";

let issuer: SigningIssuer;
beforeAll(async () => {
  issuer = await startSigningIssuer();
});
afterAll(() => issuer.close());

const AUDIENCE = "https://api.example.com";

async function scene(
  over: Partial<NonNullable<MonitoringConfigInput["issuers"]>[number]> = {},
  config: MonitoringConfigInput = {},
) {
  const made = await tokenScene({
    issuers: [{ issuer: issuer.issuer, audiences: [AUDIENCE], ...over }],
    ...config,
  });
  let jti = 0;
  /** Returns the claims of RFC 9068. */
  const claims = (more: JWTPayload = {}): JWTPayload => {
    jti += 1;
    return {
      iss: issuer.issuer,
      sub: "ada",
      aud: AUDIENCE,
      client_id: "app",
      iat: made.nowSeconds() - 10,
      exp: made.nowSeconds() + 600,
      jti: `t${jti}`,
      scope: "api:read",
      ...more,
    };
  };
  const token = (more: JWTPayload = {}, header: Record<string, unknown> = {}) =>
    issuer.sign(claims(more), header);
  return { ...made, claims, token };
}

const base64url = (value: string | object) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

describe("JWT", () => {
  it("is allowed, stored on first use, and found by its ID", async () => {
    const { token, call, published, ofType, storePublished, world, nowSeconds } = await scene();
    const text = await token({ sid: "s1", jti: "first" });
    const decision = await call(text);
    expect(decision).toMatchObject({
      outcome: "allowed",
      token: { oauth_client_id: "app", user_id: "ada", scopes: ["api:read"] },
    });
    const [seen] = ofType("token_seen");
    const [used] = ofType("token_used");
    expect(seen).toMatchObject({
      oauth_client_id: "app",
      user_id: "ada",
      event_data: {
        issuer: issuer.issuer,
        issued_at: toInstant((nowSeconds() - 10) * 1000),
        expires_at: toInstant((nowSeconds() + 600) * 1000),
        token_id: used?.event_data.token_id,
      },
    });
    expect(used).toMatchObject({
      event_data: { issuer: issuer.issuer, session_id: "s1", previous_use: null, success: true },
    });
    expect(published).toHaveLength(2);
    await call(text);
    expect(ofType("token_seen")).toHaveLength(1);
    expect(ofType("token_used")[1]?.event_data.previous_use).toEqual({
      at: toInstant(world.time.nowMs),
      ip: "203.0.113.9",
    });
    await storePublished();
    const everything: unknown[] = [world.context.logger.lines];
    for (const TableName of [world.tokensTable, world.eventsTable, world.countersTable]) {
      for await (const { Items } of paginateScan({ client: world.db }, { TableName })) {
        everything.push(Items);
      }
    }
    for (const part of [text, text.split(".")[2] as string]) {
      expect(JSON.stringify(everything)).not.toContain(part);
    }
  });

  it("takes one round trip to the store, because every request is sent before any response arrives", async () => {
    const { token, decide, world } = await scene();
    const text = await token({ sid: "s" });
    let [open, most, rounds] = [0, 0, 0];
    world.db.middlewareStack.add(
      (next) => async (args) => {
        if (open === 0) rounds += 1;
        open += 1;
        most = Math.max(most, open);
        try {
          return await next(args);
        } finally {
          open -= 1;
        }
      },
      { step: "initialize", name: "rounds" },
    );
    expect((await decide(text)).outcome).toBe("allowed");
    expect({ rounds, most }).toEqual({ rounds: 1, most: 3 });
    // The first use also adds the token to two indexes. Each later use is a single write.
    expect(world.traffic).toMatchObject({ roundTrips: 3, writeUnits: 3 });
    world.traffic.reset();
    world.time.nowMs += 1;
    await decide(text);
    expect(world.traffic).toMatchObject({ roundTrips: 3, writeUnits: 1 });
    expect(rounds).toBe(2);
  });

  it("counts as issued exactly once when many calls race", async () => {
    const { token, decide, afterAnswer, storePublished, ofType, world } = await scene();
    const texts = await Promise.all([token(), token(), token()]);
    const calls = texts.flatMap((text) => Array.from({ length: 12 }, () => text));
    const decisions = await Promise.all(calls.map((text) => decide(text)));
    expect(decisions.every(({ outcome }) => outcome === "allowed")).toBe(true);
    await afterAnswer();
    expect(ofType("token_seen")).toHaveLength(3);
    expect(ofType("token_used")).toHaveLength(36);
    await storePublished();
    const range = {
      fromMs: world.time.nowMs - HOUR_MS,
      toMs: world.time.nowMs + 1,
    };
    expect(await tokenUsageStats(world, range)).toMatchObject({
      total_tokens_issued: 3,
      active_tokens: 3,
    });
    world.time.nowMs += 11 * MINUTE_MS;
    expect(await tokenUsageStats(world, range)).toMatchObject({
      total_tokens_issued: 3,
      expired_tokens: 3,
    });
  });

  it("costs one read and no write between refreshes when an interval is set", async () => {
    const { token, decide, afterAnswer, ofType, world } = await scene(
      {},
      { tracking: { lastUsedIntervalSeconds: 60 } },
    );
    const text = await token();
    await Promise.all([decide(text), decide(text), decide(text)]);
    expect(world.traffic.writeUnits).toBe(0);
    await afterAnswer();
    expect(ofType("token_seen")).toHaveLength(1);
    world.traffic.reset();
    world.time.nowMs += 1000;
    await decide(text);
    await afterAnswer();
    expect(world.traffic).toMatchObject({ roundTrips: 2, writeUnits: 0 });
  });

  it("counts as the same token for every encoding of its signature", async () => {
    const { call, ofType, claims } = await scene();
    const rsa = await newKey("RS256");
    issuer.others = [rsa.publicJwk];
    const malleable = await scene();
    const payload = claims({ jti: "malleable" });
    const es = await issuer.sign(payload);
    // For an ECDSA signature (r, s), (r, n - s) is also a valid signature.
    const [head, body, signature = ""] = es.split(".");
    const bytes = Buffer.from(signature, "base64url");
    const order = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    const s = BigInt(`0x${bytes.subarray(32).toString("hex")}`);
    const twin = (order - s).toString(16).padStart(64, "0");
    const other = Buffer.concat([bytes.subarray(0, 32), Buffer.from(twin, "hex")]);
    const otherEncoding = `${head}.${body}.${other.toString("base64url")}`;
    expect(otherEncoding).not.toBe(es);
    const ids = [];
    for (const text of [es, otherEncoding]) {
      const decision = await malleable.call(text);
      ids.push("token" in decision ? decision.token.token_id : decision.outcome);
    }
    expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(ids[1]).toBe(ids[0]);
    expect(malleable.ofType("token_seen")).toHaveLength(1);
    expect((await call(es)).outcome).toBe("allowed");
    expect(ofType("token_seen")).toHaveLength(1);
    issuer.others = [];
  });

  it("is identified by its claims if it has no jti", async () => {
    const { call, claims } = await scene();
    const { jti: _, ...anonymous } = claims();
    const computeId = async (payload: JWTPayload) => {
      const decision = await call(await issuer.sign(payload));
      return "token" in decision ? decision.token.token_id : decision.outcome;
    };
    const id = await computeId(anonymous);
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(await computeId(Object.fromEntries(Object.entries(anonymous).reverse()))).toBe(id);
    expect(await computeId({ ...anonymous, sub: "bob" })).not.toBe(id);
  });
});

describe("hostile JWT", () => {
  const cases: [
    string,
    string,
    (s: Awaited<ReturnType<typeof scene>>) => Promise<string> | string,
  ][] = [
    [
      "alg none",
      "forbidden_algorithm",
      ({ claims }) => `${base64url({ alg: "none", typ: "at+jwt" })}.${base64url(claims())}.`,
    ],
    [
      "alg none with a signature",
      "forbidden_algorithm",
      ({ claims }) => `${base64url({ alg: "NonE", typ: "at+jwt" })}.${base64url(claims())}.AAAA`,
    ],
    [
      "HMAC with the public key",
      "forbidden_algorithm",
      ({ claims }) => {
        const input = `${base64url({ alg: "HS256", typ: "at+jwt", kid: issuer.key.kid })}.${base64url(claims())}`;
        const mac = createHmac("sha256", JSON.stringify(issuer.key.publicJwk)).update(input);
        return `${input}.${mac.digest("base64url")}`;
      },
    ],
    [
      "an embedded key",
      "unknown_key",
      async ({ claims }) => {
        const own = await newKey();
        return issuer.sign(claims(), { jwk: own.publicJwk }, own);
      },
    ],
    [
      "an embedded key under the issuer's key id",
      "invalid_signature",
      async ({ claims }) => {
        const own = { ...(await newKey()), kid: issuer.key.kid };
        const header = { jwk: own.publicJwk, jku: "http://127.0.0.1:1/keys", x5c: ["AAAA"] };
        return issuer.sign(claims(), header, own);
      },
    ],
    [
      "crit",
      "unsupported_jwt_header",
      ({ claims }) => {
        const head = { alg: "ES256", typ: "at+jwt", kid: issuer.key.kid, crit: ["exp"], exp: 1 };
        return `${base64url(head)}.${base64url(claims())}.AAAA`;
      },
    ],
    [
      "b64=false",
      "unsupported_jwt_header",
      ({ claims }) =>
        `${base64url({ alg: "ES256", typ: "at+jwt", b64: false })}.${base64url(claims())}.AAAA`,
    ],
    [
      "a claim that occurs twice",
      "malformed_jwt",
      ({ claims }) => {
        const body = JSON.stringify(claims()).replace(/}$/, ',"sub":"root"}');
        return `${base64url({ alg: "ES256", typ: "at+jwt" })}.${base64url(body)}.AAAA`;
      },
    ],
    [
      "a claim that occurs twice, escaped",
      "malformed_jwt",
      ({ claims }) => {
        const body = JSON.stringify(claims()).replace(/}$/, ',"\\u0073ub":"root"}');
        return `${base64url({ alg: "ES256", typ: "at+jwt" })}.${base64url(body)}.AAAA`;
      },
    ],
    [
      "a header that occurs twice",
      "malformed_jwt",
      ({ claims }) => `${base64url('{"alg":"ES256","alg":"none"}')}.${base64url(claims())}.AAAA`,
    ],
    [
      "deep nesting",
      "malformed_jwt",
      ({ claims }) =>
        `${base64url({ alg: "ES256" })}.${base64url(`{"iss":"${claims().iss}","a":${"[".repeat(500)}${"]".repeat(500)}}`)}.AAAA`,
    ],
    [
      "invalid UTF-8",
      "malformed_jwt",
      () =>
        `${base64url({ alg: "ES256" })}.${Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString("base64url")}.AAAA`,
    ],
    [
      "a JWE",
      "encrypted_jwt",
      () => `${base64url({ alg: "dir", enc: "A256GCM" })}..AAAA.AAAA.AAAA`.replace("..", ".AA."),
    ],
    ["a nested JWT", "malformed_jwt", ({ token }) => token({}, { cty: "JWT" })],
    ["a token of 10 KB", "malformed_token", () => "a".repeat(10_500)],
    ["an ID token by its type", "wrong_token_type", ({ token }) => token({}, { typ: "JWT" })],
    ["an ID token by its claims", "wrong_token_type", ({ token }) => token({ at_hash: "AAAA" })],
    ["an ID token by its nonce", "wrong_token_type", ({ token }) => token({ nonce: "n" })],
    [
      "a logout token",
      "wrong_token_type",
      ({ token }) => token({ events: {} }, { typ: "logout+jwt" }),
    ],
    ["another issuer", "unknown_issuer", ({ token }) => token({ iss: "https://evil.example.com" })],
    ["no issuer", "unknown_issuer", ({ token }) => token({ iss: undefined } as never)],
    [
      "another audience",
      "wrong_audience",
      ({ token }) => token({ aud: ["https://other.example.com"] }),
    ],
    ["no audience", "wrong_audience", ({ token }) => token({ aud: undefined } as never)],
    [
      "a token that expired a second ago",
      "expired_token",
      ({ token, nowSeconds }) => token({ exp: nowSeconds() - 1 }),
    ],
    [
      "a token that expires now",
      "expired_token",
      ({ token, nowSeconds }) => token({ exp: nowSeconds() }),
    ],
    [
      "a far nbf",
      "token_not_yet_valid",
      ({ token, nowSeconds }) => token({ nbf: nowSeconds() + 500 }),
    ],
    [
      "an iat in the future",
      "token_not_yet_valid",
      ({ token, nowSeconds }) => token({ iat: nowSeconds() + 6 }),
    ],
    ["no exp", "invalid_claims", ({ token }) => token({ exp: undefined } as never)],
    ["no iat", "invalid_claims", ({ token }) => token({ iat: undefined } as never)],
    ["an exp that no date can represent", "invalid_claims", ({ token }) => token({ exp: 9e15 })],
    [
      "a lifetime of two years",
      "invalid_claims",
      ({ token, nowSeconds }) => token({ exp: nowSeconds() + 63_072_000 }),
    ],
    ["an exp that is text", "invalid_claims", ({ token }) => token({ exp: "soon" as never })],
    ["no client", "invalid_claims", ({ token }) => token({ client_id: undefined })],
    ["a user with a line break", "invalid_claims", ({ token }) => token({ sub: "a\nb" })],
    ["an unknown confirmation", "invalid_claims", ({ token }) => token({ cnf: { kid: "k" } })],
    [
      "one changed character",
      "invalid_signature",
      async ({ claims }) => {
        const [head, , signature] = (await issuer.sign(claims())).split(".");
        return `${head}.${base64url(claims({ sub: "root" }))}.${signature}`;
      },
    ],
    ["half a signature", "invalid_signature", async ({ token }) => (await token()).slice(0, -43)],
    ["two parts", "unknown_token", () => `${base64url({ alg: "ES256" })}.AAAA`],
  ];

  it("is denied with a reason in the event, and never takes on a different identity", async () => {
    const made = await scene();
    for (const [name, reason, make] of cases) {
      const text = await make(made);
      made.published.length = 0;
      expect(await made.verdict(text), name).toBe(reason);
      expect(made.published, name).toMatchObject([
        { event_type: "auth_failed", event_data: { reason } },
      ]);
      expect([undefined, "ada"], name).toContain(made.published[0]?.user_id);
    }
    // No denied token was stored.
    for await (const { Items } of paginateScan(
      { client: made.db },
      { TableName: made.tokensTable },
    )) {
      expect(Items).toEqual([]);
    }
    expect(await made.verdict(await made.token())).toBe("allowed");
  });

  it("is never verified with a shared secret or a private key", async () => {
    const { claims, verdict } = await scene();
    issuer.others = [
      { kty: "oct", k: "AAAA", kid: "shared" },
      await exportJWK(issuer.key.privateKey),
    ];
    const input = `${base64url({ alg: "HS256", typ: "at+jwt", kid: "shared" })}.${base64url(claims())}`;
    const mac = createHmac("sha256", Buffer.from("AAAA", "base64url")).update(input);
    expect(await verdict(`${input}.${mac.digest("base64url")}`)).toBe("forbidden_algorithm");
    issuer.others = [];
  });

  it("cannot grant itself the admin scopes unless its issuer is allowed to", async () => {
    const plain = await scene();
    const trusted = await scene({ mayAdminister: true });
    const scopes = { scope: "api:read oauth:admin oauth:respond" };
    for (const call of [
      { path: "/admin/oauth/stats" },
      { method: "POST", path: "/admin/oauth/actions" },
    ]) {
      expect(await plain.verdict(await plain.token(scopes), call)).toBe("insufficient_scope");
      expect(await trusted.verdict(await trusted.token(scopes), call)).toBe("allowed");
    }
  });
});

describe("issuer keys", () => {
  it("are prefetched, rotate during traffic, and are fetched once for a flood of unknown key IDs", async () => {
    issuer.fetches = 0;
    const { token, claims, verdict, time } = await scene();
    expect(issuer.fetches).toBe(1);
    expect(await verdict(await token())).toBe("allowed");
    expect(issuer.fetches).toBe(1);
    const previous = issuer.key;
    issuer.key = await newKey();
    expect(await verdict(await token())).toBe("allowed");
    expect(issuer.fetches).toBe(2);
    // The old key is no longer published.
    expect(await verdict(await issuer.sign(claims(), {}, previous))).toBe("unknown_key");
    const forged = await newKey();
    const flood = await Promise.all(
      Array.from({ length: 50 }, async (_, n) =>
        verdict(await issuer.sign(claims(), {}, { ...forged, kid: `unknown-${n}` })),
      ),
    );
    expect(new Set(flood)).toEqual(new Set(["unknown_key"]));
    expect(issuer.fetches).toBe(2);
    time.nowMs += 30_000;
    await Promise.all(
      Array.from({ length: 50 }, async () => verdict(await issuer.sign(claims(), {}, forged))),
    );
    expect(issuer.fetches).toBe(3);
  });

  it("stay valid for a limited time in an outage, and then calls are denied as unavailable", async () => {
    const { token, verdict, time, published } = await scene({
      keysRefreshSeconds: 60,
      keysMaxAgeSeconds: 600,
    });
    const before = issuer.fetches;
    issuer.status = 503;
    const long = { exp: Math.floor(time.nowMs / 1000) + 7200 };
    time.nowMs += 599_000;
    expect(await verdict(await token(long))).toBe("allowed");
    expect(issuer.fetches).toBeGreaterThan(before - 1);
    time.nowMs += 1000;
    published.length = 0;
    expect(await verdict(await token(long))).toBe("unavailable");
    expect(published).toMatchObject([{ event_type: "auth_unavailable" }]);
    issuer.status = 200;
    time.nowMs += 2000;
    expect(await verdict(await token(long))).toBe("allowed");
  });

  it("are unavailable and retried rarely when the issuer is down at the start", async () => {
    issuer.status = 503;
    issuer.requests.length = 0;
    const { token, verdict, time } = await scene();
    const attempts = issuer.requests.length;
    for (let n = 0; n < 20; n += 1) expect(await verdict(await token())).toBe("unavailable");
    expect(issuer.requests.length).toBe(attempts);
    issuer.status = 200;
    time.nowMs += 2000;
    expect(await verdict(await token())).toBe("allowed");
  });

  it("are refreshed in the background", async () => {
    const { token, decide, afterAnswer, time } = await scene({ keysRefreshSeconds: 60 });
    issuer.fetches = 0;
    time.nowMs += 60_000;
    await decide(await token());
    expect(issuer.fetches).toBe(0);
    await afterAnswer();
    expect(issuer.fetches).toBe(1);
  });

  it("are not read from another issuer's metadata or without TLS", async () => {
    issuer.metadata = { issuer: "https://evil.example.com" };
    const foreign = await scene();
    expect(await foreign.verdict(await foreign.token())).toBe("unavailable");
    issuer.metadata = { jwks_uri: "http://keys.example.com/keys" };
    const plain = await scene();
    expect(await plain.verdict(await plain.token())).toBe("unavailable");
    issuer.metadata = {};
  });
});

describe("revocation", () => {
  it("denies the next call with a token that is revoked by ID, or by jti before its first use", async () => {
    const { token, call, verdict, ofType, world } = await scene();
    const text = await token();
    const decision = await call(text);
    const id = "token" in decision ? decision.token.token_id : "";
    await revokeToken(world, id);
    expect(await verdict(text)).toBe("revoked_token");
    const revoked = await revokeNamedToken(world, {
      issuer: issuer.issuer,
      jti: "unseen",
      clientId: "app",
    });
    expect(await verdict(await token({ jti: "unseen" }))).toBe("revoked_token");
    expect(ofType("auth_failed").at(-1)?.event_data.token_id).toBe(revoked.token_id);
    expect(ofType("token_seen")).toHaveLength(1);
  });

  it.each([
    ["user", "ada", { sub: "bob" }],
    ["client", "app", { client_id: "other" }],
    ["session", "s1", { sid: "s2" }],
  ] as const)("for a %s denies the next call with any of its tokens", async (kind, id, other) => {
    const { token, verdict, ofType, time, storePublished, world } = await scene();
    const known = await token({ sid: "s1" });
    expect(await verdict(known)).toBe("allowed");
    const unseen = await token({ sid: "s1" });
    await storePublished();
    await revokePrincipal(world, { kind, id });
    expect(await verdict(known)).toBe("revoked_token");
    expect(await verdict(known)).toBe("revoked_token");
    expect(await verdict(unseen)).toBe("revoked_token");
    expect(await verdict(await token({ sid: "s1", ...other }))).toBe("allowed");
    // The statistics count each of the two tokens as revoked once.
    expect(new Set(ofType("token_revoked").map((event) => event.id)).size).toBe(2);
    await storePublished();
    expect(
      await tokenUsageStats(world, {
        fromMs: time.nowMs - HOUR_MS,
        toMs: time.nowMs + 1,
      }),
    ).toMatchObject({ total_tokens_issued: 3, revoked_tokens: 2, active_tokens: 1 });
    time.nowMs += 20_000;
    expect(await verdict(await token({ sid: "s1" }))).toBe("allowed");
  });

  it("denies the next call with any earlier token, used before or not, when it targets everything", async () => {
    const { token, verdict, time, world } = await scene();
    const known = await token();
    expect(await verdict(known)).toBe("allowed");
    const unseen = await token({ sub: "bob", client_id: "other" });
    await takeAction(world, {
      kind: "revoke",
      target: { kind: "all" },
      reason: "the key leaked",
      actor: { kind: "administrator", id: "root" },
    });
    expect(await verdict(known)).toBe("revoked_token");
    expect(await verdict(unseen)).toBe("revoked_token");
    time.nowMs += 20_000;
    expect(await verdict(await token())).toBe("allowed");
  });

  it("counts all of a user's tokens as revoked, including unused ones, even with an interval", async () => {
    const { token, verdict, ofType, world } = await scene(
      {},
      { tracking: { lastUsedIntervalSeconds: 60 } },
    );
    const [known, unseen] = [await token(), await token()];
    expect(await verdict(known)).toBe("allowed");
    await revokePrincipal(world, { kind: "user", id: "ada" });
    for (const text of [known, unseen, known, unseen]) {
      expect(await verdict(text)).toBe("revoked_token");
    }
    expect(ofType("token_seen")).toHaveLength(2);
    expect(new Set(ofType("token_revoked").map(({ id }) => id)).size).toBe(2);
  });

  it("fails closed when the deny list is unreadable", async () => {
    const { token, verdict, world } = await scene();
    world.traffic.fault = ({ operation }) =>
      operation === "BatchGetItem" ? { error: new Error("connect ECONNREFUSED") } : undefined;
    expect(await verdict(await token())).toBe("unavailable");
  });

  it("still allows calls while the write for a token is throttled, and publishes its first use later", async () => {
    const { token, decide, afterAnswer, ofType, world } = await scene();
    const text = await token();
    const error = Object.assign(new Error(), { name: "ThrottlingException", $fault: "client" });
    world.traffic.fault = ({ operation }) => (operation === "UpdateItem" ? { error } : undefined);
    expect((await decide(text)).outcome).toBe("allowed");
    world.traffic.fault = undefined;
    await afterAnswer();
    expect(ofType("token_seen")).toHaveLength(1);
  });
});

describe("step-up", () => {
  const routes = [
    { path: "/api/transfer", scopes: ["api:read"], acrValues: ["mfa", "phr"], maxAgeSeconds: 300 },
  ];
  it("requires a stronger or more recent sign-in, and says so in the challenge", async () => {
    const { token, call, nowSeconds, ofType } = await scene({}, { routes });
    const on = { path: "/api/transfer" };
    const fresh = { auth_time: nowSeconds() - 299 };
    expect(await call(await token({ ...fresh, acr: "phr" }), on)).toMatchObject({
      outcome: "allowed",
    });
    for (const claims of [
      { ...fresh },
      { ...fresh, acr: "pwd" },
      { acr: "mfa", auth_time: nowSeconds() - 301 },
      { acr: "mfa" },
    ]) {
      expect(await call(await token(claims), on)).toMatchObject({
        outcome: "insufficient_authentication",
        acrValues: ["mfa", "phr"],
        maxAgeSeconds: 300,
      });
    }
    expect(ofType("auth_failed").at(-1)?.event_data).toMatchObject({
      reason: "insufficient_authentication",
      acr_values: ["mfa", "phr"],
      max_age: 300,
    });
  });
});
