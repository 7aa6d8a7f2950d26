import { createHash } from "node:crypto";

/** Number of hex digits in a public ID: 128 bits of a SHA-256 digest, which reveal nothing about the token. */
const TOKEN_ID_LENGTH = 32;

/** How this system identifies another issuer's token. */
export interface TokenIdentity {
  /** The token's DynamoDB key: a SHA-256 digest in hex. */
  readonly token_digest: string;
  /** Public ID, used in events and responses. */
  readonly token_id: string;
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/**
 * Hashes the parts, joined by line breaks. Bearer tokens can't contain a line break, so this digest never equals the
 * digest of a bearer token.
 */
function createIdentity(...parts: readonly string[]): TokenIdentity {
  const token_digest = sha256(parts.join("\n"));
  return { token_digest, token_id: token_digest.slice(0, TOKEN_ID_LENGTH) };
}

/**
 * Returns the identity of a token with a `jti` (RFC 7519, section 4.1.7). Doesn't hash the token's text, because the
 * same signature can be encoded in many ways.
 */
export function identityOfNamedToken(issuer: string, jti: string): TokenIdentity {
  return createIdentity("jti", issuer, jti);
}

/** Returns the identity of a token without a `jti`, from all of its signed claims. */
export function identityOfClaims(
  issuer: string,
  claims: Readonly<Record<string, unknown>>,
): TokenIdentity {
  return createIdentity("claims", issuer, canonicalJson(claims));
}

/**
 * Returns the identity of another issuer's opaque token.
 * `shared/integrations/providers/node-oidc-provider.ts` computes the same public ID when the token is issued.
 */
export function identityOfOpaqueToken(issuer: string, text: string): TokenIdentity {
  const digest = sha256(text);
  return {
    token_digest: sha256(["opaque", issuer, digest].join("\n")),
    token_id: digest.slice(0, TOKEN_ID_LENGTH),
  };
}

/** Serializes a value as JSON with sorted object members. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}
