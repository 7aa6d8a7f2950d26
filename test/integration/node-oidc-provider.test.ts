import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import Provider from "oidc-provider";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tokenFact } from "../../shared/audit-log/issuance.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { attach } from "../../shared/integrations/providers/node-oidc-provider.ts";

const SECRET = "a-client-secret-that-nobody-may-see";

let server: Server;
let issuer: string;
const published: OAuthEvent[] = [];
const basic = (id: string, secret: string) =>
  `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;

/** Starts a real authorization server that issues real tokens over HTTP. */
beforeAll(async () => {
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "service",
        client_secret: SECRET,
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
      },
      {
        client_id: "web",
        client_secret: SECRET,
        grant_types: ["authorization_code"],
        redirect_uris: ["https://app.example.com/callback"],
        response_types: ["code"],
      },
    ],
    features: {
      clientCredentials: { enabled: true },
      revocation: { enabled: true },
      devInteractions: { enabled: false },
    },
    scopes: ["api:read"],
    ttl: { ClientCredentials: 600 },
    cookies: { keys: ["a-cookie-key"] },
    pkce: { required: () => false },
    findAccount: async (_, sub) => ({ accountId: sub, claims: async () => ({ sub }) }),
  });
  attach(provider, {
    publish: async (events) => {
      published.push(...events);
    },
  });
  // Creates the code that the authorization endpoint would issue, without a browser.
  codeFor = async (accountId) => {
    const client = await provider.Client.find("web");
    if (!client) throw new Error("no client");
    const grant = new provider.Grant({ accountId, clientId: "web" });
    grant.addOIDCScope("openid offline_access");
    const grantId = await grant.save();
    const code = new provider.AuthorizationCode({
      accountId,
      client,
      grantId,
      redirectUri: "https://app.example.com/callback",
      scope: "openid",
      gty: "authorization_code",
    });
    return code.save();
  };
  server.on("request", provider.callback());
});
let codeFor: (accountId: string) => Promise<string>;
afterAll(() => server.close());

async function post(path: string, authorization: string, form: Record<string, string>) {
  const answer = await fetch(`${issuer}${path}`, {
    method: "POST",
    headers: { authorization, "user-agent": "oidc-test/1.0" },
    body: new URLSearchParams(form),
  });
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : undefined };
}

describe("attach", () => {
  it("publishes events when a token is issued and revoked, and counts its expiry", async () => {
    published.length = 0;
    const { status, body } = await post("/token", basic("service", SECRET), {
      grant_type: "client_credentials",
      scope: "api:read",
    });
    expect(status).toBe(200);
    const [issued] = published;
    expect(published).toHaveLength(1);
    expect(issued).toMatchObject({
      event_type: "token_issued",
      oauth_client_id: "service",
      event_data: { scopes: ["api:read"], token_id: expect.stringMatching(/^[0-9a-f]{32}$/) },
    });
    const fact = tokenFact(issued as OAuthEvent);
    const lifetimeMs =
      Date.parse(fact?.issued?.expiresAt ?? "") - Date.parse(fact?.issued?.at ?? "");
    expect(lifetimeMs).toBe(600_000);

    await post("/token/revocation", basic("service", SECRET), { token: body.access_token });
    expect(published[1]).toMatchObject({
      event_type: "token_revoked",
      event_data: { token_id: issued?.event_data.token_id },
    });
    expect(JSON.stringify(published)).not.toContain(body.access_token);
  });

  it("publishes an event for a rejected request with subject, address and reason", async () => {
    published.length = 0;
    await post("/token", basic("service", "wrong"), { grant_type: "client_credentials" });
    expect(published).toMatchObject([
      {
        event_type: "auth_failed",
        oauth_client_id: "service",
        event_data: {
          reason: "invalid_client",
          endpoint: "/token",
          method: "POST",
          user_agent: "oidc-test/1.0",
          ip: expect.stringContaining("127.0.0.1"),
        },
      },
    ]);
    expect(JSON.stringify(published)).not.toContain("wrong");
  });

  it("recognizes an authorization code that is used twice", async () => {
    published.length = 0;
    const code = await codeFor("ada");
    const exchange = () =>
      post("/token", basic("web", SECRET), {
        grant_type: "authorization_code",
        code,
        redirect_uri: "https://app.example.com/callback",
      });
    const first = await exchange();
    expect(first.status).toBe(200);
    expect((await exchange()).status).toBe(400);
    const types = published.map(({ event_type }) => event_type);
    expect(types).toEqual(expect.arrayContaining(["token_issued", "auth_failed"]));
    expect(published.find(({ event_type }) => event_type === "token_issued")).toMatchObject({
      oauth_client_id: "web",
      user_id: "ada",
    });
    expect(published.find(({ event_type }) => event_type === "auth_failed")).toMatchObject({
      oauth_client_id: "web",
      event_data: { reason: "authorization_code_reused" },
    });
    const everything = JSON.stringify(published);
    for (const secret of [code, first.body.access_token, first.body.id_token, SECRET]) {
      expect(everything).not.toContain(secret);
    }
  });

  it("does not disturb the provider when an event cannot be published", async () => {
    const errors: unknown[] = [];
    const listeners = new Map<string, (...parameters: never[]) => void>();
    attach(
      { on: (event, listener) => listeners.set(event, listener) },
      { publish: () => Promise.reject(new Error("the bus is down")) },
      { onError: (error) => errors.push(error) },
    );
    const token = { jti: "x", iat: 1, expiration: 60, clientId: "c" };
    listeners.get("access_token.saved")?.(token as never);
    await new Promise((resolve) => setImmediate(resolve));
    expect(String(errors)).toContain("the bus is down");
  });
});
