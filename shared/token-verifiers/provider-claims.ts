import type { IssuerConfig } from "../config/issuer-parameters.ts";

type Claims = Readonly<Record<string, unknown>>;

/** The profile of a provider's access tokens. The configuration may override some claims. */
export interface ProviderClaims {
  /** Accepted `typ` values; `none` for tokens without one. */
  readonly types: readonly string[];
  readonly algorithms: readonly string[];
  /** Claims that may contain the client. The first one in the token is used. */
  readonly client: readonly string[];
  readonly user: readonly string[];
  readonly session: string;
  readonly scopes: readonly string[];
  /** Claim that identifies the token. */
  readonly tokenId: string;
  /** Path of the JWKS, if it can be fetched without the issuer's metadata. */
  readonly jwksPath?: string;
  /** Whether the provider's own markers show that a token is an access token. */
  readonly isAccessToken: (claims: Claims) => boolean;
  /** Whether the client acts without a user. */
  readonly isClientAlone: (claims: Claims, client: string) => boolean;
}

const ASYMMETRIC = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"];

/** RFC 9068, which most servers follow. */
const RFC9068: ProviderClaims = {
  types: ["at+jwt"],
  algorithms: ASYMMETRIC,
  client: ["client_id"],
  user: ["sub"],
  session: "sid",
  scopes: ["scope"],
  tokenId: "jti",
  isAccessToken: ({ nonce }) => nonce === undefined,
  // RFC 9068, section 5: without a user, `sub` is the client.
  isClientAlone: ({ sub }, client) => sub === client,
};

/**
 * Whether a Keycloak token belongs to a client's service account, `service-account-<client>` in lower case. A user may
 * have registered under such a name, but a user's token always has a session.
 */
function isServiceAccount({ preferred_username: name, azp, client_id, sid }: Claims): boolean {
  if (typeof name !== "string" || sid !== undefined) return false;
  return [azp, client_id].some(
    (client) =>
      typeof client === "string" &&
      name.toLowerCase() === `service-account-${client}`.toLowerCase(),
  );
}

/**
 * The providers' access token profiles, taken from their documentation:
 * - Cognito:
 *   https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
 * - Auth0: https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles
 * - Okta: https://developer.okta.com/docs/api/openapi/okta-oauth/guides/overview/
 * - Entra ID: https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference
 * - Keycloak: https://www.keycloak.org/docs/latest/server_admin/
 * - PingOne: https://docs.pingidentity.com/
 */
export const PROVIDER_CLAIMS: Readonly<Record<IssuerConfig["provider"], ProviderClaims>> = {
  rfc9068: RFC9068,
  cognito: {
    ...RFC9068,
    types: ["none", "jwt", "at+jwt"],
    algorithms: ["RS256"],
    // The sign-in that the token and all tokens refreshed from it share.
    session: "origin_jti",
    jwksPath: "/.well-known/jwks.json",
    isAccessToken: ({ token_use }) => token_use === "access",
  },
  auth0: {
    ...RFC9068,
    types: ["jwt", "at+jwt"],
    client: ["client_id", "azp"],
    scopes: ["scope", "permissions"],
    isClientAlone: ({ sub, gty }, client) =>
      gty === "client-credentials" || sub === `${client}@clients` || sub === client,
  },
  okta: {
    ...RFC9068,
    types: ["none", "jwt", "at+jwt"],
    client: ["cid"],
    user: ["uid", "sub"],
    scopes: ["scp"],
  },
  entra: {
    ...RFC9068,
    types: ["jwt", "at+jwt"],
    algorithms: ["RS256"],
    // Token version 2.0, then 1.0.
    client: ["azp", "appid"],
    user: ["oid", "sub"],
    scopes: ["scp", "roles"],
    tokenId: "uti",
    // User tokens have `scp`; application tokens have only roles.
    isClientAlone: ({ idtyp, scp }) => idtyp === "app" || scp === undefined,
  },
  keycloak: {
    ...RFC9068,
    types: ["jwt", "at+jwt"],
    client: ["azp", "client_id"],
    isAccessToken: ({ typ }) => typ === undefined || typ === "Bearer" || typ === "DPoP",
    isClientAlone: isServiceAccount,
  },
  ping: { ...RFC9068, types: ["none", "jwt", "at+jwt"] },
};

/** Reads a claim by name, or by JSON pointer (RFC 6901) if the name starts with a slash. */
export function readClaim(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  if (!name.startsWith("/")) return undefined;
  let value: unknown = claims;
  for (const token of name.slice(1).split("/")) {
    const member = token.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, member)) {
      return undefined;
    }
    value = (value as Claims)[member];
  }
  return value;
}
