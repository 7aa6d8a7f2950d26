import * as z from "zod";
import type { IssuerConfig } from "../config/issuer-parameters.ts";
import { SECOND_MS, toInstant } from "../core/clock.ts";
import { isIdentifier, isScope } from "../events/identifiers.ts";
import {
  identityOfClaims,
  identityOfNamedToken,
  type TokenIdentity,
} from "../events/token-identity.ts";
import type { EventSubject } from "../events/track-event.ts";
import { LONGEST_LIFETIME_MS } from "../tokens/revoked-principals.ts";
import { PROVIDER_CLAIMS, type ProviderClaims, readClaim } from "./provider-claims.ts";
import type { TokenRejection } from "./rejections.ts";
import { type Judgement, rejected } from "./token-verifier.ts";

type Claims = Readonly<Record<string, unknown>>;

/** Seconds since the epoch, up to the end of year 9999. */
const numericDate = z.number().min(0).max(253_402_300_799);

const thumbprint = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** Claims that mean the same at every issuer (RFC 7519, 7800, 8705, 9068, 9449). */
const registeredClaimsSchema = z.looseObject({
  iss: z.string(),
  sub: z.string().optional(),
  aud: z.union([z.string(), z.array(z.string())]).optional(),
  exp: numericDate,
  iat: numericDate,
  nbf: numericDate.optional(),
  auth_time: numericDate.optional(),
  acr: z.string().max(256).optional(),
  /** Authentication contexts in Entra ID tokens. */
  acrs: z.array(z.string()).optional(),
  cnf: z.looseObject({ jkt: thumbprint.optional(), "x5t#S256": thumbprint.optional() }).optional(),
});

/** Scopes for the admin routes. They are ignored in other issuers' tokens unless `mayAdminister` is set. */
const ADMIN_SCOPES: ReadonlySet<string> = new Set(["oauth:admin", "oauth:respond"]);

/** Keeps the authorizer's response within API Gateway's size limit. This product's own tokens have the same limits. */
const MAX_SCOPES = 100;
const MAX_SCOPE_CHARACTERS = 2048;

/** Claims that only ID tokens and logout tokens have. */
const FOREIGN_MARKS = ["at_hash", "c_hash", "s_hash", "events"];
const FOREIGN_TYPES: ReadonlySet<unknown> = new Set(["ID", "Refresh", "Offline", "Logout"]);

/** Parameters for reading an issuer's claims. */
export interface ClaimReader {
  readonly issuer: IssuerConfig;
  readonly provider: ProviderClaims;
  /** Scopes that routes require. If a token has too many scopes, these are kept first. */
  readonly routeScopes: ReadonlySet<string>;
}

export function claimReader(
  issuer: IssuerConfig,
  routeScopes: ReadonlySet<string> = new Set(),
): ClaimReader {
  return { issuer, provider: PROVIDER_CLAIMS[issuer.provider], routeScopes };
}

function words(value: unknown): string[] {
  if (typeof value === "string") return value.split(" ");
  if (!Array.isArray(value)) return [];
  return value.flatMap((each) => (typeof each === "string" ? each.split(" ") : []));
}

/** Returns the token's scopes, up to the limits. Keeps the scopes that routes require first. */
function parseScopes({ issuer, provider, routeScopes }: ClaimReader, claims: Claims): string[] {
  const named = (issuer.scopeClaims ?? provider.scopes).flatMap((name) =>
    words(readClaim(claims, name)),
  );
  const valid = [...new Set(named)].filter(
    (scope) => isScope(scope) && (issuer.mayAdminister || !ADMIN_SCOPES.has(scope)),
  );
  const inOrder = [
    ...valid.filter((scope) => routeScopes.has(scope)),
    ...valid.filter((scope) => !routeScopes.has(scope)),
  ];
  let characters = 0;
  return inOrder.slice(0, MAX_SCOPES).filter((scope) => {
    const fits = characters + scope.length + 1 <= MAX_SCOPE_CHARACTERS;
    if (fits) characters += scope.length + 1;
    return fits;
  });
}

function firstText(claims: Claims, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = readClaim(claims, name);
    if (typeof value === "string" && value !== "") return value;
  }
  return undefined;
}

/** Returns the token's client, user and session, or undefined if an ID is invalid. */
function getPrincipals({ issuer, provider }: ClaimReader, claims: Claims) {
  const { idPrefix = "", clientClaim, userClaim, sessionClaim } = issuer;
  const client = firstText(claims, clientClaim === undefined ? provider.client : [clientClaim]);
  if (client === undefined) return undefined;
  const isAlone = userClaim === undefined && provider.isClientAlone(claims, client);
  const user = isAlone
    ? undefined
    : firstText(claims, userClaim === undefined ? provider.user : [userClaim]);
  const session = firstText(claims, [sessionClaim ?? provider.session]);
  const named = [client, user, session].map((id) => (id === undefined ? id : `${idPrefix}${id}`));
  const areIds = named.every((id) => id === undefined || isIdentifier(id));
  if (!areIds) return undefined;
  const [clientId, userId, sessionId] = named;
  return { client, clientId: clientId as string, userId, sessionId };
}

function getIdentity({ issuer, provider }: ClaimReader, claims: Claims): TokenIdentity | undefined {
  const name = claims[provider.tokenId] ?? claims.jti;
  if (name === undefined) return identityOfClaims(issuer.issuer, claims);
  if (typeof name !== "string" || name === "" || name.length > 512) return undefined;
  return identityOfNamedToken(issuer.issuer, name);
}

/** Whether the claims belong to another kind of token, such as an ID token (RFC 8725, section 3.12). */
function isOtherToken({ provider }: ClaimReader, claims: Claims): boolean {
  return (
    FOREIGN_MARKS.some((name) => claims[name] !== undefined) ||
    FOREIGN_TYPES.has(claims.typ) ||
    !provider.isAccessToken(claims)
  );
}

/**
 * Validates claims from a verified JWT or an introspection response, and returns the token.
 *
 * @param fallbackIdentity identity to use if the claims contain no token ID
 */
export function readTokenClaims(
  reader: ClaimReader,
  claims: Claims,
  atMs: number,
  fallbackIdentity?: TokenIdentity,
): Judgement {
  const { issuer } = reader;
  const parsed = registeredClaimsSchema.safeParse(claims);
  if (isOtherToken(reader, claims)) return rejected("wrong_token_type");
  if (!parsed.success) return rejected("invalid_claims");
  const { iss, aud, exp, iat, nbf, auth_time, acr, acrs = [], cnf } = parsed.data;
  if (iss !== issuer.issuer) return rejected("unknown_issuer");
  const principals = getPrincipals(reader, claims);
  const hasOwnId = claims[reader.provider.tokenId] !== undefined || claims.jti !== undefined;
  const identity = fallbackIdentity && !hasOwnId ? fallbackIdentity : getIdentity(reader, claims);
  if (!principals || !identity) return rejected("invalid_claims");
  const subject: EventSubject = {
    oauth_client_id: principals.clientId,
    user_id: principals.userId,
    token_id: identity.token_id,
  };
  const reject = (reason: TokenRejection) => rejected(reason, subject);

  const skewMs = issuer.clockSkewSeconds * SECOND_MS;
  const [expiresAtMs, issuedAtMs] = [exp, iat].map((seconds) =>
    Math.floor(seconds * SECOND_MS),
  ) as [number, number];
  if (expiresAtMs <= issuedAtMs || expiresAtMs - issuedAtMs > LONGEST_LIFETIME_MS) {
    return reject("invalid_claims");
  }
  if (expiresAtMs <= atMs) return reject("expired_token");
  if (Math.max(iat, nbf ?? 0) * SECOND_MS > atMs + skewMs) return reject("token_not_yet_valid");
  const audiences = [aud ?? []].flat();
  // A Cognito token may be missing its audience. For every other issuer, the configuration requires one.
  const needsAudience = issuer.audiences.length > 0 && !(issuer.provider === "cognito" && !aud);
  if (needsAudience && !issuer.audiences.some((each) => audiences.includes(each))) {
    return reject("wrong_audience");
  }
  if (issuer.clientIds && !issuer.clientIds.includes(principals.client))
    return reject("wrong_client");
  const confirmation = {
    keyThumbprint: cnf?.jkt,
    certificateThumbprint: cnf?.["x5t#S256"],
  };
  const isBound = Object.values(confirmation).some((each) => each !== undefined);
  // Unknown confirmation methods can't be verified (RFC 7800, section 3.1).
  if (cnf && !isBound) return reject("invalid_claims");
  if (issuer.senderConstrained === "required" && !isBound) return reject("unconstrained_token");
  return {
    status: "verified",
    verified: {
      issuer: iss,
      sessionId: principals.sessionId,
      confirmation,
      authenticationClasses: [...(acr === undefined ? [] : [acr]), ...acrs],
      authenticatedAtMs: auth_time === undefined ? undefined : auth_time * SECOND_MS,
      token: {
        ...identity,
        oauth_client_id: principals.clientId,
        user_id: principals.userId,
        scopes: parseScopes(reader, claims),
        issued_at: toInstant(issuedAtMs),
        expires_at: toInstant(expiresAtMs),
      },
    },
  };
}
