import { paginateScan } from "@aws-sdk/lib-dynamodb";
import { exportJWK } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { revokePrincipal } from "../../shared/index.ts";
import { API, CLIENT_SECRET, dpopKey, startRealIssuer } from "./real-issuer.ts";
import { tokenScene } from "./token-scene.ts";

let real: Awaited<ReturnType<typeof startRealIssuer>>;
beforeAll(async () => {
  real = await startRealIssuer();
});
afterAll(() => real.close());

const SECRET_ARN = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:api-AbCdEf";
const URL_OF_CALL = "https://api.example.com/api/data";

/** Creates a scene that uses the issuer's clock. */
async function sceneNow(
  config: MonitoringConfigInput,
  readSecret = async (_: string) => CLIENT_SECRET,
) {
  const made = await tokenScene(config, readSecret);
  made.time.nowMs = Date.now();
  return made;
}

const jwtIssuer = (over = {}): MonitoringConfigInput => ({
  issuers: [{ issuer: real.issuer, audiences: [API], ...over }],
});

const introspected = (over = {}, more = {}): MonitoringConfigInput => ({
  issuers: [
    {
      issuer: real.issuer,
      verification: "introspection",
      introspection: { clientId: "api", secretArn: SECRET_ARN, ...over },
      ...more,
    },
  ],
});

describe("JWTs from oidc-provider", () => {
  it("are allowed during a key rotation and during a short outage", async () => {
    const { verdict, ofType, time } = await sceneNow(jwtIssuer());
    const before = await real.jwt();
    expect(await verdict(before)).toBe("allowed");
    expect(ofType("token_seen")).toMatchObject([{ oauth_client_id: "service" }]);
    expect(ofType("token_seen")[0]?.user_id).toBeUndefined();
    await real.rotate();
    const after = await real.jwt();
    const calls = await Promise.all([after, after, await real.jwt()].map((each) => verdict(each)));
    expect(calls).toEqual(["allowed", "allowed", "allowed"]);
    expect(await verdict(before)).toBe("unknown_key");
    real.isDown = true;
    time.nowMs += 400_000;
    expect(await verdict(after)).toBe("allowed");
    real.isDown = false;
  });

  it("have their keys fetched once for a flood of unknown key IDs, and again for a later rotation", async () => {
    const made = await sceneNow(jwtIssuer());
    const fetches = () => real.requests.filter((path) => path === "/jwks").length;
    expect(await made.verdict(await real.jwt())).toBe("allowed");
    const before = fetches();
    const flood = await Promise.all(
      Array.from({ length: 100 }, async (_, n) =>
        made.verdict(await real.sign({ foreign: true, kid: `flood-${n}` })),
      ),
    );
    expect(new Set(flood)).toEqual(new Set(["unknown_key"]));
    expect(fetches() - before).toBe(1);
    await real.rotate();
    const rotated = await real.jwt();
    // As a side effect of the flood, a new key is fetched only when the cooldown ends.
    expect(await made.verdict(rotated)).toBe("unknown_key");
    made.time.nowMs += 30_000;
    expect(await made.verdict(rotated)).toBe("allowed");
    expect(fetches() - before).toBe(2);
  });

  it("are denied as unavailable once the issuer has been down longer than keys are valid", async () => {
    const made = await sceneNow(jwtIssuer({ keysRefreshSeconds: 30, keysMaxAgeSeconds: 60 }));
    const token = await real.jwt();
    expect(await made.verdict(token)).toBe("allowed");
    real.isDown = true;
    made.time.nowMs += 59_000;
    expect(await made.verdict(token)).toBe("allowed");
    made.time.nowMs += 1000;
    expect(await made.verdict(token)).toBe("unavailable");
    expect(made.ofType("auth_unavailable")).toHaveLength(1);
    real.isDown = false;
    made.time.nowMs += 2000;
    expect(await made.verdict(token)).toBe("allowed");
  });

  it("have the same ID as in the issuer's own events", async () => {
    const { call } = await sceneNow(jwtIssuer());
    const text = await real.jwt();
    const decision = await call(text);
    const { identityOfNamedToken } = await import("../../shared/events/token-identity.ts");
    const { jti } = JSON.parse(Buffer.from(text.split(".")[1] ?? "", "base64url").toString());
    expect(decision).toMatchObject({
      outcome: "allowed",
      token: identityOfNamedToken(real.issuer, jti),
    });
  });

  it("are denied if they are ID tokens", async () => {
    const { verdict } = await sceneNow(jwtIssuer());
    const { id_token } = await real.userTokens("ada");
    expect(await verdict(id_token)).toBe("wrong_token_type");
    // This applies even if the configuration ignores the type, because an ID token does not name a client like an
    // access token does.
    const careless = await sceneNow(jwtIssuer({ types: ["at+jwt", "jwt", "none"] }));
    expect(await careless.verdict(id_token)).toBe("invalid_claims");
  });
});

describe("opaque tokens from oidc-provider", () => {
  it("are introspected once per configured interval, and the response is shared", async () => {
    const { verdict, decide, afterAnswer, ofType, time } = await sceneNow(introspected());
    const token = await real.opaque();
    real.requests.length = 0;
    const introspections = () =>
      real.requests.filter((path) => path.startsWith("/token/introspection")).length;
    const decisions = await Promise.all([decide(token), decide(token), decide(token)]);
    await afterAnswer();
    expect(decisions.map(({ outcome }) => outcome)).toEqual(["allowed", "allowed", "allowed"]);
    expect(introspections()).toBe(1);
    expect(ofType("token_seen")).toHaveLength(1);
    await real.revoke(token);
    time.nowMs += 59_999;
    // The documented delay before a revocation at the issuer takes effect.
    expect(await verdict(token)).toBe("allowed");
    expect(introspections()).toBe(1);
    time.nowMs += 1;
    expect(await verdict(token)).toBe("inactive_token");
    expect(introspections()).toBe(2);
  });

  it("identify their user, while a refresh token, a token ID and random text are denied", async () => {
    const { verdict, ofType, world, storePublished } = await sceneNow(introspected());
    const { access_token, refresh_token } = await real.userTokens("ada");
    expect(await verdict(access_token, { method: "GET" })).toBe("allowed");
    expect(ofType("token_seen")).toMatchObject([{ oauth_client_id: "web", user_id: "ada" }]);
    expect(await verdict(refresh_token)).toBe("wrong_token_type");
    expect(await verdict("nonsense")).toBe("inactive_token");
    await revokePrincipal(world, { kind: "user", id: "ada" });
    expect(await verdict(access_token)).toBe("revoked_token");
    await storePublished();
    for (const TableName of [world.tokensTable, world.eventsTable]) {
      for await (const { Items } of paginateScan({ client: world.db }, { TableName })) {
        const text = JSON.stringify(Items);
        for (const secret of [access_token, refresh_token, CLIENT_SECRET]) {
          expect(text).not.toContain(secret);
        }
      }
    }
  });

  it("are denied as unavailable while the issuer is down, but tokens that we issued are allowed", async () => {
    const made = await sceneNow(introspected());
    const token = await real.opaque();
    real.isDown = true;
    expect(await made.verdict(token)).toBe("unavailable");
    expect(JSON.stringify([made.published, made.world.context.logger.lines])).not.toContain(token);
    expect(await made.verdict(`oam_${"x".repeat(43)}`)).toBe("unknown_token");
    real.isDown = false;
    expect(await made.verdict(token)).toBe("allowed");
  });

  it("are introspected with a rotated secret after one rejection", async () => {
    const secrets = ["an-old-secret", CLIENT_SECRET];
    let reads = 0;
    const { verdict } = await sceneNow(
      introspected(),
      async () => secrets[reads++] ?? CLIENT_SECRET,
    );
    expect(await verdict(await real.opaque())).toBe("allowed");
    expect(reads).toBe(2);
    const wrong = await sceneNow(introspected(), async () => "wrong");
    expect(await wrong.verdict(await real.opaque())).toBe("unavailable");
  });

  it("are introspected with a private key and signed responses", async () => {
    const byKey = await sceneNow(
      introspected({ clientId: "api-key", authentication: "private_key_jwt" }),
      async () => JSON.stringify(real.apiKey),
    );
    expect(await byKey.verdict(await real.opaque())).toBe("allowed");
    const signed = await sceneNow(
      introspected({
        clientId: "api-signed",
        authentication: "client_secret_post",
        signedAnswers: true,
      }),
    );
    expect(await signed.verdict(await real.opaque())).toBe("allowed");
  });
});

describe("DPoP", () => {
  async function bound() {
    const made = await sceneNow({
      ...jwtIssuer(),
      dpop: { publicBaseUrls: ["https://public.example.com/v1"] },
    });
    const key = await dpopKey();
    const tokenUrl = `${real.issuer}/token`;
    const token = await real.jwt({ DPoP: await key.prove("POST", tokenUrl, made.nowSeconds()) });
    const call = (proofs: readonly string[], over = {}) =>
      made.verdict(token, { authorization: [`DPoP ${token}`], dpopProofs: proofs, ...over });
    const prove = (over: Parameters<typeof key.prove>[3] = {}, method = "GET", url = URL_OF_CALL) =>
      key.prove(method, url, made.nowSeconds(), { accessToken: token, ...over });
    return { ...made, key, token, call, prove };
  }

  it("allows a bound token with its proof once, for one additional write", async () => {
    const { call, prove, world, ofType } = await bound();
    const proof = await prove();
    expect(await call([proof])).toBe("allowed");
    expect(await call([proof])).toBe("replayed_dpop_proof");
    expect(ofType("auth_failed")[0]).toMatchObject({
      oauth_client_id: "service",
      event_data: { reason: "replayed_dpop_proof" },
    });
    world.traffic.reset();
    world.time.nowMs += 1;
    expect(await call([await prove()])).toBe("allowed");
    expect(world.traffic).toMatchObject({ writeUnits: 2, roundTrips: 4 });
  });

  it("allows only one of several concurrent calls with the same proof", async () => {
    const { decide, prove, token, afterAnswer } = await bound();
    const proof = await prove();
    const decisions = await Promise.all(
      Array.from({ length: 8 }, () =>
        decide(token, { authorization: [`DPoP ${token}`], dpopProofs: [proof] }),
      ),
    );
    await afterAnswer();
    expect(decisions.filter(({ outcome }) => outcome === "allowed")).toHaveLength(1);
  });

  it("accepts any equivalent form of a proxied API's public URL", async () => {
    const { call, prove } = await bound();
    expect(await call([await prove({}, "GET", "https://public.example.com/v1/api/data")])).toBe(
      "allowed",
    );
    expect(
      await call([await prove({}, "GET", "HTTPS://API.example.com:443/api/%64ata?q=1#f")]),
    ).toBe("allowed");
    expect(await call([await prove({}, "GET", "https://other.example.com/api/data")])).toBe(
      "foreign_dpop_proof",
    );
  });

  it("denies a proof that does not match the call, and states the reason", async () => {
    const { call, prove, verdict, key, token, nowSeconds, published } = await bound();
    const other = await dpopKey();
    const { jwk: _, ...withoutKey } = { jwk: 1 };
    const cases: [string, string[], string][] = [
      ["no proof", [], "missing_dpop_proof"],
      ["two proofs", [await prove(), await prove()], "malformed_dpop_proof"],
      ["no JWT", ["nonsense"], "malformed_dpop_proof"],
      ["another typ", [await prove({ header: { typ: "JWT" } })], "malformed_dpop_proof"],
      [
        "no key",
        [await prove({ header: { jwk: undefined, ...withoutKey } })],
        "malformed_dpop_proof",
      ],
      [
        "a private key",
        [await prove({ header: { jwk: await exportJWK(key.privateKey) } })],
        "malformed_dpop_proof",
      ],
      ["no jti", [await prove({ claims: { jti: undefined } })], "malformed_dpop_proof"],
      [
        "another key",
        [await other.prove("GET", URL_OF_CALL, nowSeconds(), { accessToken: token })],
        "wrong_dpop_key",
      ],
      [
        "a stolen key's name",
        [
          await other.prove("GET", URL_OF_CALL, nowSeconds(), {
            accessToken: token,
            header: { jwk: key.jwk },
          }),
        ],
        "invalid_dpop_signature",
      ],
      ["another method", [await prove({}, "POST")], "foreign_dpop_proof"],
      ["another path", [await prove({}, "GET", `${URL_OF_CALL}/1`)], "foreign_dpop_proof"],
      ["another token", [await prove({ accessToken: "x" })], "foreign_dpop_proof"],
      ["no token", [await prove({ claims: { ath: undefined } })], "malformed_dpop_proof"],
      ["an old proof", [await prove({ claims: { iat: nowSeconds() - 62 } })], "stale_dpop_proof"],
      [
        "a proof of the future",
        [await prove({ claims: { iat: nowSeconds() + 62 } })],
        "stale_dpop_proof",
      ],
    ];
    for (const [name, proofs, reason] of cases) {
      expect(await call(proofs), name).toBe(reason);
      expect(published.at(-1), name).toMatchObject({
        event_type: "auth_failed",
        oauth_client_id: "service",
        event_data: { reason },
      });
    }
    const bearer = { authorization: [`Bearer ${token}`] };
    expect(await verdict(token, bearer)).toBe("missing_dpop_proof");
    expect(await verdict(token, { ...bearer, dpopProofs: [await prove()] })).toBe(
      "downgraded_token",
    );
    const free = await real.jwt();
    expect(await verdict(free, { authorization: [`DPoP ${free}`] })).toBe("unbound_token");
    const own = `oam_${"x".repeat(43)}`;
    expect(await verdict(own, { authorization: [`DPoP ${own}`] })).toBe("unbound_token");
  });

  it("is required for every token when configured, including introspected tokens", async () => {
    const strict = await sceneNow(jwtIssuer({ senderConstrained: "required" }));
    expect(await strict.verdict(await real.jwt())).toBe("unconstrained_token");
    const made = await sceneNow(introspected({}, { senderConstrained: "required" }));
    const key = await dpopKey("Ed25519");
    const token = await real.opaque({
      DPoP: await key.prove("POST", `${real.issuer}/token`, made.nowSeconds()),
    });
    const proof = await key.prove("GET", URL_OF_CALL, made.nowSeconds(), { accessToken: token });
    expect(
      await made.verdict(token, { authorization: [`DPoP ${token}`], dpopProofs: [proof] }),
    ).toBe("allowed");
    expect(await made.verdict(await real.opaque())).toBe("unconstrained_token");
  });
});
