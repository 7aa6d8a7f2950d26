import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { synthesize } from "../../infra/synthesize.ts";
import { revokePrincipal } from "../../shared/index.ts";
import { API, CLIENT_SECRET, dpopKey, startRealIssuer } from "../integration/real-issuer.ts";
import { useStack } from "./stack.ts";

const [jwtIssuer, opaqueIssuer] = await Promise.all([startRealIssuer(), startRealIssuer()]);
afterAll(() => Promise.all([jwtIssuer.close(), opaqueIssuer.close()]));

const SECRET_ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:api-AbCdEf";
const PUBLIC_URL = "https://api.example.com";

const scene = useStack({
  secrets: new Map([[SECRET_ARN, CLIENT_SECRET]]),
  assembly: () =>
    synthesize(mkdtempSync(join(tmpdir(), "oauth-monitoring-issuers-")), {
      removalPolicy: "destroy",
      dpop: { publicBaseUrls: [PUBLIC_URL] },
      routes: [{ path: "/api/transfer", scopes: ["api:read"], acrValues: ["phr"] }],
      issuers: [
        { issuer: jwtIssuer.issuer, audiences: [API], idPrefix: "jwt:" },
        {
          issuer: opaqueIssuer.issuer,
          idPrefix: "opaque:",
          verification: "introspection",
          introspection: { clientId: "api", secretArn: SECRET_ARN },
        },
      ],
    }),
});

const denied: string[] = [];
beforeAll(() => {
  scene().stack.access.onAccess = (principal, { action, resource }, allowed) => {
    if (!allowed) denied.push(`${principal}: ${action} ${resource}`);
  };
});

describe("REST API of a stack with other issuers", () => {
  it("allows opaque, JWT, introspected and DPoP-bound tokens, and tracks each kind", async () => {
    const { get, caller, admin, settle, busTraffic, logs, storeText } = scene();
    const key = await dpopKey();
    const now = () => Math.floor(Date.now() / 1000);
    const tokens = {
      jwt: await jwtIssuer.jwt(),
      opaque: await opaqueIssuer.opaque(),
      bound: await jwtIssuer.jwt({
        DPoP: await key.prove("POST", `${jwtIssuer.issuer}/token`, now()),
      }),
    };
    expect((await get("/api/data", caller)).status).toBe(200);
    for (const [token, client] of [
      [tokens.jwt, "jwt:service"],
      [tokens.opaque, "opaque:service"],
    ] as const) {
      const answer = await get("/api/data", token);
      expect(answer).toMatchObject({
        status: 200,
        body: { authorizer: { oauth_client_id: client, scope: "api:read" } },
      });
    }
    const prove = () =>
      key.prove("GET", `${PUBLIC_URL}/api/data`, now(), { accessToken: tokens.bound });
    const proof = await prove();
    const withProof = (dpop: string) =>
      get("/api/data", undefined, { authorization: `DPoP ${tokens.bound}`, dpop });
    expect((await withProof(proof)).status).toBe(200);
    expect((await withProof(proof)).status).toBe(401);
    expect((await get("/api/data", tokens.bound)).status).toBe(401);
    expect((await get("/admin/oauth/stats", tokens.jwt)).status).toBe(403);
    const stepUp = await get("/api/transfer", tokens.jwt);
    expect(stepUp.status).toBe(403);
    expect(stepUp.headers["www-authenticate"]).toContain(
      'error="insufficient_user_authentication"',
    );
    expect(stepUp.headers["www-authenticate"]).toContain('acr_values="phr"');

    await settle();
    const stats = (await get("/admin/oauth/stats", admin)).body;
    expect(stats).toMatchObject({ total_tokens_issued: 3, active_tokens: 3 });
    expect(stats.events.by_type).toMatchObject({ token_seen: 3 });
    const { body } = await get("/admin/oauth/security-events", admin);
    const reasons = body.events.map(
      (event: { event_data: { reason?: string } }) => event.event_data.reason,
    );
    expect(reasons).toEqual(
      expect.arrayContaining([
        "replayed_dpop_proof",
        "missing_dpop_proof",
        "insufficient_authentication",
      ]),
    );
    const everything = [...busTraffic, ...logs, await storeText()].join("\n");
    for (const secret of [...Object.values(tokens), CLIENT_SECRET]) {
      expect(everything).not.toContain(secret);
    }
    expect(denied).toEqual([]);
  });

  it("denies the next call from a revoked client", async () => {
    const { get, library } = scene();
    const token = await jwtIssuer.jwt();
    expect((await get("/api/data", token)).status).toBe(200);
    await revokePrincipal(library, { kind: "client", id: "jwt:service" });
    expect((await get("/api/data", token)).status).toBe(401);
    expect((await get("/api/data", await opaqueIssuer.opaque())).status).toBe(200);
  });

  it("returns 503 while an issuer is down, and still allows tokens that we issued", async () => {
    const { get, caller } = scene();
    const token = await opaqueIssuer.opaque();
    opaqueIssuer.isDown = true;
    expect((await get("/api/data", token)).status).toBe(503);
    expect((await get("/api/data", caller)).status).toBe(200);
    opaqueIssuer.isDown = false;
    expect((await get("/api/data", token)).status).toBe(200);
  });
});
