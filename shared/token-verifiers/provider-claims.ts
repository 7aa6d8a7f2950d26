import type { IssuerConfig } from "../config/issuer-parameters.ts";

type Claims = Readonly<Record<string, unknown>>;

/** What a provider's access tokens look like. The configuration may name other claims. */
export interface ProviderClaims {
  /** `typ` of the header; `none` where a token has none. */
  readonly types: readonly string[];
  readonly algorithms: readonly string[];
  /** The claims that may name the client; the first that a token has. */
  readonly client: readonly string[];
  readonly user: readonly string[];
  readonly session: string;
  readonly scopes: readonly string[];
  /** The claim that identifies the token. */
  readonly tokenId: string;
  /** Where the keys are, when the issuer's metadata need not be asked. */
  readonly jwksPath?: string;
  /** Whether it is an access token, as far as a provider has marks of its own. */
  readonly isAccessToken: (claims: Claims) => boolean;
  /** Whether the client acts for itself, without a user. */
  readonly isClientAlone: (claims: Claims, client: string) => boolean;
}

const ASYMMETRIC = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"];

/** RFC 9068, and what most servers do. */
const RFC9068: ProviderClaims = {
  types: ["at+jwt"],
  algorithms: ASYMMETRIC,
  client: ["client_id"],
  user: ["sub"],
  session: "sid",
  scopes: ["scope"],
  tokenId: "jti",
  isAccessToken: ({ nonce }) => nonce === undefined,
  // RFC 9068, section 5: without a user, `sub` names the client.
  isClientAlone: ({ sub }, client) => sub === client,
};

/**
 * Whether a token of Keycloak is of a client's own account, `service-account-<client>` in lower case. A user may have
 * registered under such a name, but has a session.
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
 * The access tokens of providers, as they document them.
 * - Cognito: https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
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
    // The sign-in that a token and its refreshed successors come from.
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
    // Version 2.0, then 1.0.
    client: ["azp", "appid"],
    user: ["oid", "sub"],
    scopes: ["scp", "roles"],
    tokenId: "uti",
    // A token of a user has `scp`; one of an application has roles only.
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

/** A claim by its name, or by a JSON pointer (RFC 6901) when the name begins with a slash. */
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
