import { createHash, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";
import Provider, { type Configuration } from "oidc-provider";

export const API = "https://api.example.com";
export const CLIENT_SECRET = "a-client-secret-of-the-real-issuer:%+";

async function privateJwk(alg: string, kid: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { ...(await exportJWK(privateKey)), alg, kid, use: "sig" };
}

/** Runs oidc-provider over HTTP with key rotation and outages on demand. */
export async function startRealIssuer() {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const apiKey = await privateJwk("ES256", "api-key");
  const { d: _, ...apiPublicKey } = apiKey;
  const client = {
    client_secret: CLIENT_SECRET,
    grant_types: ["client_credentials"],
    redirect_uris: [],
    response_types: [],
  } as never;
  const configurationWith = (keys: JWK[]): Configuration => ({
    jwks: { keys: keys as never },
    clients: [
      { ...(client as object), client_id: "service" },
      {
        ...(client as object),
        client_id: "web",
        grant_types: ["authorization_code", "refresh_token"],
        redirect_uris: ["https://app.example.com/callback"],
        response_types: ["code"],
      },
      { ...(client as object), client_id: "api" },
      {
        ...(client as object),
        client_id: "api-signed",
        introspection_signed_response_alg: "RS256",
        token_endpoint_auth_method: "client_secret_post",
      },
      {
        client_id: "api-key",
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: "private_key_jwt",
        jwks: { keys: [apiPublicKey as never] },
      },
    ],
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: async () => true },
      jwtIntrospection: { enabled: true },
      revocation: { enabled: true },
      dPoP: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: async (_, resource) => ({
          scope: "api:read api:write",
          audience: resource,
          accessTokenTTL: 600,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
    scopes: ["api:read", "offline_access"],
    ttl: { ClientCredentials: 600, AccessToken: 600 },
    cookies: { keys: ["a-cookie-key"] },
    pkce: { required: () => false },
    findAccount: async (__, sub) => ({ accountId: sub, claims: async () => ({ sub }) }),
  });

  let provider: Provider;
  const state = {
    isDown: false,
    /** Requested paths. */
    requests: [] as string[],
  };
  server.on("request", (request, response) => {
    state.requests.push(request.url ?? "");
    if (state.isDown) {
      request.socket.destroy();
      return;
    }
    void provider.callback()(request, response);
  });
  /** Signs with a new key, and publishes it before the previous ones. */
  let rotations = 0;
  let signingKey: JWK;
  let foreignKey: Promise<JWK> | undefined;
  const rotate = async () => {
    rotations += 1;
    signingKey = await privateJwk("RS256", `signing-${rotations}`);
    provider = new Provider(issuer, configurationWith([signingKey]));
  };
  await rotate();

  const post = async (path: string, form: Record<string, string>, headers = {}, id = "service") => {
    const basic = `${encodeURIComponent(id)}:${encodeURIComponent(CLIENT_SECRET)}`;
    const answer = await fetch(`${issuer}${path}`, {
      method: "POST",
      headers: { authorization: `Basic ${Buffer.from(basic).toString("base64")}`, ...headers },
      body: new URLSearchParams(form),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  };
  return Object.assign(state, {
    issuer,
    apiKey,
    rotate,
    /** Issues a JWT to a client for the API. */
    jwt: async (headers = {}): Promise<string> => {
      const form = { grant_type: "client_credentials", scope: "api:read", resource: API };
      return (await post("/token", form, headers)).access_token;
    },
    /** Issues an opaque token to a client. */
    opaque: async (headers = {}): Promise<string> => {
      const form = { grant_type: "client_credentials", scope: "api:read" };
      return (await post("/token", form, headers)).access_token;
    },
    /** Issues a JWT like `jwt` does, but with an earlier time or signed by a key that is not the issuer's. */
    sign: async ({
      secondsAgo = 0,
      foreign = false,
      kid = String(signingKey.kid),
    }): Promise<string> => {
      const issuedAtSeconds = Math.floor(Date.now() / 1000) - secondsAgo;
      foreignKey ??= privateJwk("RS256", "foreign");
      const key = foreign ? await foreignKey : signingKey;
      return new SignJWT({ client_id: "service", scope: "api:read", jti: randomUUID() })
        .setProtectedHeader({ alg: "RS256", typ: "at+jwt", kid })
        .setIssuer(issuer)
        .setSubject("service")
        .setAudience(API)
        .setIssuedAt(issuedAtSeconds)
        .setExpirationTime(issuedAtSeconds + 600)
        .sign(await importJWK(key, "RS256"));
    },
    /**
     * Issues an access token and a refresh token for a user who signed in. The access token is opaque, or a JWT if a
     * resource is given.
     */
    userTokens: async (
      accountId: string,
      { resource, headers = {} }: { readonly resource?: string; readonly headers?: object } = {},
    ) => {
      const found = await provider.Client.find("web");
      if (!found) throw new Error("no client");
      const scope = "openid offline_access api:read";
      const grant = new provider.Grant({ accountId, clientId: "web" });
      grant.addOIDCScope(scope);
      if (resource !== undefined) grant.addResourceScope(resource, "api:read");
      const grantId = await grant.save();
      const code = new provider.AuthorizationCode({
        accountId,
        client: found,
        grantId,
        redirectUri: "https://app.example.com/callback",
        scope,
        gty: "authorization_code",
        ...(resource !== undefined && { resource }),
      });
      const form = {
        grant_type: "authorization_code",
        code: await code.save(),
        redirect_uri: "https://app.example.com/callback",
        ...(resource !== undefined && { resource }),
      };
      return (await post("/token", form, headers, "web")) as {
        access_token: string;
        refresh_token: string;
        id_token: string;
      };
    },
    revoke: (token: string, id = "service") => post("/token/revocation", { token }, {}, id),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

/** Creates a client's key, which makes DPoP proofs (RFC 9449). */
export async function dpopKey(alg = "ES256") {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  return {
    jwk,
    privateKey: privateKey as CryptoKey,
    /** Returns the `DPoP` header for a call. */
    prove: (
      method: string,
      url: string,
      nowSeconds: number,
      {
        accessToken,
        header = {},
        claims = {},
      }: { accessToken?: string; header?: object; claims?: object } = {},
    ) =>
      new SignJWT({
        jti: randomUUID(),
        htm: method,
        htu: url,
        iat: nowSeconds,
        ...(accessToken !== undefined && {
          ath: createHash("sha256").update(accessToken).digest("base64url"),
        }),
        ...claims,
      })
        .setProtectedHeader({ alg, typ: "dpop+jwt", jwk, ...header } as never)
        .sign(privateKey),
  };
}
