import { describe, expect, it } from "vitest";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { claimReader, readTokenClaims } from "../../shared/token-verifiers/token-claims.ts";

const IAT = 1_700_000_000;
const NOW_MS = (IAT + 60) * 1000;
const LIFE = { iat: IAT, exp: IAT + 3600 };

type Claims = Record<string, unknown>;

function reading(issuer: object, claims: Claims) {
  const [parsed] = parseMonitoringConfig({ issuers: [issuer as never] }).issuers;
  if (!parsed) throw new Error("no issuer");
  return readTokenClaims(claimReader(parsed), claims, NOW_MS);
}

/** Returns the client, user, session and scopes from a token. */
function facts(issuer: object, claims: Claims) {
  const read = reading(issuer, claims);
  if ("reason" in read) return read.reason;
  const { token, sessionId } = read.verified;
  return {
    client: token.oauth_client_id,
    user: token.user_id,
    session: sessionId,
    scopes: token.scopes,
  };
}

const cognito = {
  issuer: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI",
  provider: "cognito",
  clientIds: ["1example23456789"],
};
const cognitoClaims = {
  ...LIFE,
  sub: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
  device_key: "eu-central-1_xxxxxxxx",
  "cognito:groups": ["admins"],
  iss: cognito.issuer,
  version: 2,
  client_id: "1example23456789",
  origin_jti: "cccccccc-dddd-eeee-ffff-aaaaaaaaaaaa",
  event_id: "bbbbbbbb-cccc-dddd-eeee-ffffffffffff",
  token_use: "access",
  scope: "orders/read openid",
  auth_time: IAT,
  jti: "dddddddd-eeee-ffff-aaaa-bbbbbbbbbbbb",
  username: "ada",
};

const auth0 = {
  issuer: "https://tenant.eu.auth0.com/",
  provider: "auth0",
  audiences: ["https://api.example.com"],
};
const auth0Claims = {
  ...LIFE,
  iss: auth0.issuer,
  sub: "auth0|507f1f77bcf86cd799439011",
  aud: ["https://api.example.com", "https://tenant.eu.auth0.com/userinfo"],
  azp: "my_client_id",
  scope: "openid profile read:orders",
  permissions: ["read:orders", "write:orders"],
};

const okta = {
  issuer: "https://example.okta.com/oauth2/default",
  provider: "okta",
  audiences: ["api://default"],
};
const oktaClaims = {
  ...LIFE,
  ver: 1,
  jti: "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
  iss: okta.issuer,
  aud: "api://default",
  cid: "nmdP1fcyvdVO11AL7ECm",
  uid: "00ujmkLgagxeRrAg20g3",
  scp: ["openid", "orders.read"],
  auth_time: IAT,
  sub: "ada@example.com",
};

const TENANT = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
const entra2 = {
  issuer: `https://login.microsoftonline.com/${TENANT}/v2.0`,
  provider: "entra",
  audiences: ["00001111-aaaa-2222-bbbb-3333cccc4444"],
};
const entra2Claims = {
  ...LIFE,
  aud: "00001111-aaaa-2222-bbbb-3333cccc4444",
  iss: entra2.issuer,
  nbf: IAT,
  aio: "AXQAi/8IAAAA",
  azp: "11112222-bbbb-3333-cccc-4444dddd5555",
  azpacr: "0",
  name: "Ada",
  oid: "22223333-cccc-4444-dddd-5555eeee6666",
  preferred_username: "ada@example.com",
  rh: "0.AX0A",
  roles: ["Orders.Manage"],
  scp: "Orders.Read User.Read",
  sub: "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
  tid: TENANT,
  uti: "fqiBqXLPj0eQa82S-IYFAA",
  ver: "2.0",
};
const entra1 = {
  ...entra2,
  issuer: `https://sts.windows.net/${TENANT}/`,
  audiences: ["api://orders"],
};
const { azp, ...entra1Shared } = entra2Claims;
const entra1Claims = {
  ...entra1Shared,
  iss: entra1.issuer,
  aud: "api://orders",
  appid: azp,
  ver: "1.0",
};

const keycloak = {
  issuer: "https://sso.example.com/realms/shop",
  provider: "keycloak",
  audiences: ["orders"],
};
const keycloakClaims = {
  ...LIFE,
  jti: "onrtac:7c1a1f3e-6f7a-4a3f-8a66-8f1f4b6f9d10",
  iss: keycloak.issuer,
  aud: ["orders", "account"],
  sub: "f7a7c2c6-5c0b-4f4c-9f43-0e7b8f3a8f10",
  typ: "Bearer",
  azp: "shop-app",
  sid: "1f4d4a1e-2f0f-4a7c-8d7e-0e9a3d2c1b00",
  acr: "1",
  "allowed-origins": ["https://shop.example.com"],
  realm_access: { roles: ["offline_access", "clerk"] },
  resource_access: { orders: { roles: ["read"] } },
  scope: "profile email",
  preferred_username: "ada",
};

const ping = {
  issuer: "https://auth.pingone.eu/11112222-bbbb-3333-cccc-4444dddd5555/as",
  provider: "ping",
  audiences: ["https://api.example.com"],
};
const pingClaims = {
  ...LIFE,
  client_id: "22223333-cccc-4444-dddd-5555eeee6666",
  iss: ping.issuer,
  jti: "33334444-dddd-5555-eeee-6666ffff7777",
  aud: ["https://api.example.com"],
  scope: "orders:read",
  sub: "44445555-eeee-6666-ffff-7777aaaa8888",
  sid: "55556666-ffff-7777-aaaa-8888bbbb9999",
  acr: "Single_Factor",
  env: "11112222-bbbb-3333-cccc-4444dddd5555",
};

describe("readTokenClaims", () => {
  it("reads Cognito tokens for users and clients and rejects ID tokens and tokens for other clients", () => {
    expect(facts(cognito, cognitoClaims)).toEqual({
      client: "1example23456789",
      user: cognitoClaims.sub,
      session: cognitoClaims.origin_jti,
      scopes: ["orders/read", "openid"],
    });
    const { username: _, origin_jti: __, ...own } = { ...cognitoClaims, sub: "1example23456789" };
    expect(facts(cognito, own)).toMatchObject({ user: undefined, session: undefined });
    expect(facts(cognito, { ...cognitoClaims, token_use: "id" })).toBe("wrong_token_type");
    expect(facts(cognito, { ...cognitoClaims, client_id: "other" })).toBe("wrong_client");
    // With resource binding, a token contains an audience, so the audience is checked.
    const withAudience = { ...cognito, audiences: ["https://api.example.com"] };
    expect(facts(withAudience, cognitoClaims)).toMatchObject({ client: "1example23456789" });
    expect(facts(withAudience, { ...cognitoClaims, aud: "https://other" })).toBe("wrong_audience");
  });

  it("reads Auth0 scopes and permissions, the client from azp or client_id, and machine tokens", () => {
    expect(facts(auth0, auth0Claims)).toEqual({
      client: "my_client_id",
      user: "auth0|507f1f77bcf86cd799439011",
      session: undefined,
      scopes: ["openid", "profile", "read:orders", "write:orders"],
    });
    const { azp: _, ...profile } = { ...auth0Claims, client_id: "my_client_id", jti: "j" };
    expect(facts(auth0, profile)).toMatchObject({ client: "my_client_id" });
    const machine = { ...auth0Claims, sub: "my_client_id@clients", gty: "client-credentials" };
    expect(facts(auth0, machine)).toMatchObject({ client: "my_client_id", user: undefined });
  });

  it("reads cid, uid and scp from Okta tokens", () => {
    expect(facts(okta, oktaClaims)).toEqual({
      client: "nmdP1fcyvdVO11AL7ECm",
      user: "00ujmkLgagxeRrAg20g3",
      session: undefined,
      scopes: ["openid", "orders.read"],
    });
    const { uid: _, ...service } = { ...oktaClaims, sub: "nmdP1fcyvdVO11AL7ECm" };
    expect(facts(okta, service)).toMatchObject({ user: undefined });
  });

  it.each([
    ["2.0", entra2, entra2Claims],
    ["1.0", entra1, entra1Claims],
  ])("reads version %s Entra ID tokens for users and applications", (_, issuer, claims) => {
    expect(facts(issuer, claims)).toEqual({
      client: "11112222-bbbb-3333-cccc-4444dddd5555",
      user: claims.oid,
      session: undefined,
      scopes: ["Orders.Read", "User.Read", "Orders.Manage"],
    });
    const { scp: __, ...application } = { ...claims, sub: claims.oid };
    expect(facts(issuer, application)).toMatchObject({
      user: undefined,
      scopes: ["Orders.Manage"],
    });
    const getId = (more: Claims) => {
      const read = reading(issuer, { ...claims, ...more });
      return "verified" in read ? read.verified.token.token_id : read.reason;
    };
    // Entra calls the token ID `uti` instead of `jti`.
    expect(getId({ aio: "other" })).toBe(getId({}));
    expect(getId({ uti: "other" })).not.toBe(getId({}));
  });

  it("reads Keycloak tokens with configured roles and service accounts, and checks typ", () => {
    expect(facts(keycloak, keycloakClaims)).toEqual({
      client: "shop-app",
      user: keycloakClaims.sub,
      session: keycloakClaims.sid,
      scopes: ["profile", "email"],
    });
    const scopeClaims = ["scope", "/realm_access/roles", "/resource_access/orders/roles"];
    expect(facts({ ...keycloak, scopeClaims }, keycloakClaims)).toMatchObject({
      scopes: ["profile", "email", "offline_access", "clerk", "read"],
    });
    const { sid, ...withoutSession } = keycloakClaims;
    const service = { ...withoutSession, preferred_username: "service-account-shop-app" };
    expect(facts(keycloak, service)).toMatchObject({ user: undefined });
    // Keycloak lower-cases user names but not client IDs.
    const named = { ...service, azp: "Shop-App" };
    expect(facts(keycloak, named)).toMatchObject({ client: "Shop-App", user: undefined });
    const user = { user: keycloakClaims.sub };
    for (const preferred_username of ["service-account-x", "service-account-", "service-account"]) {
      expect(facts(keycloak, { ...service, preferred_username })).toMatchObject(user);
    }
    // A token with a session belongs to a user, even if the name looks like a service account.
    expect(facts(keycloak, { ...service, sid })).toMatchObject(user);
    for (const typ of ["ID", "Refresh", "Offline", "Logout"]) {
      expect(facts(keycloak, { ...keycloakClaims, typ })).toBe("wrong_token_type");
    }
  });

  it("reads PingOne tokens", () => {
    expect(facts(ping, pingClaims)).toEqual({
      client: pingClaims.client_id,
      user: pingClaims.sub,
      session: pingClaims.sid,
      scopes: ["orders:read"],
    });
  });
});

describe("claim configuration", () => {
  const issuer = { issuer: "https://login.example.com", audiences: ["api"] };
  const claims = {
    ...LIFE,
    iss: issuer.issuer,
    aud: "api",
    sub: "ada",
    client_id: "app",
    jti: "j",
    scope: "a b",
    "https://example.com/team": "blue",
    sid: "s",
  };

  it("maps custom claims and prefixes IDs to keep issuers apart", () => {
    const configured = {
      ...issuer,
      clientClaim: "sub",
      userClaim: "https://example.com/team",
      sessionClaim: "jti",
      idPrefix: "partner:",
    };
    expect(facts(configured, claims)).toMatchObject({
      client: "partner:ada",
      user: "partner:blue",
      session: "partner:j",
    });
  });

  it("requires a prefix for each of several issuers, none of which may start with another", () => {
    const two = (first?: string, second?: string) => () =>
      parseMonitoringConfig({
        issuers: [
          { ...issuer, ...(first && { idPrefix: first }) },
          { ...issuer, issuer: "https://other.example.com", ...(second && { idPrefix: second }) },
        ],
      });
    expect(two("a:", "b:")).not.toThrow();
    for (const [first, second] of [[], ["a:"], [undefined, "b:"], ["a:", "a:"]]) {
      expect(two(first, second)).toThrow(/several issuers need distinct prefixes/);
    }
  });

  it.each([
    [{ ...issuer, audiences: [] }, /audiences: audiences is missing/],
    [{ ...issuer, provider: "cognito", audiences: [] }, /clientIds: Cognito's/],
    [{ ...issuer, issuer: "http://login.example.com" }, /an https URL/],
    [{ ...issuer, issuer: "https://login.example.com?x=1" }, /an https URL/],
    [{ ...issuer, algorithms: ["HS256"] }, /algorithms/],
    [{ ...issuer, verification: "introspection" }, /introspection and verification do not match/],
    [{ ...issuer, keysRefreshSeconds: 600, keysMaxAgeSeconds: 60 }, /keysMaxAgeSeconds/],
  ])("rejects an invalid issuer and gives the reason: %#", (wrong, message) => {
    expect(() => parseMonitoringConfig({ issuers: [wrong as never] })).toThrow(message);
  });

  it("drops scopes that a header can't carry and limits the number and length of scopes", () => {
    const many = Array.from({ length: 300 }, (_, n) => `s${n}`);
    const read = facts(issuer, { ...claims, scope: [...many, 'a"b', "ü", "two words"] as never });
    expect(read).toMatchObject({ scopes: expect.arrayContaining(["s0"]) });
    const { scopes } = read as { scopes: string[] };
    expect(scopes).toHaveLength(100);
    const long = Array.from({ length: 50 }, (_, n) => `${"x".repeat(100)}${n}`);
    const some = facts(issuer, { ...claims, scope: long as never }) as { scopes: string[] };
    expect(some.scopes.join(" ").length).toBeLessThanOrEqual(2048);
  });
});
