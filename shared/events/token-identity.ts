import { createHash } from "node:crypto";

/** Hex digits of a public id: 128 bits of a SHA-256, from which nothing of the token can be computed. */
const TOKEN_ID_LENGTH = 32;

/** How a token of another issuer is known here. */
export interface TokenIdentity {
  /** The key of its item: SHA-256, hex. */
  readonly token_digest: string;
  /** Its public id, in events and answers. */
  readonly token_id: string;
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** No bearer token contains a line break, so no key of a named token is the digest of another token's text. */
function identityOf(...parts: readonly string[]): TokenIdentity {
  const token_digest = sha256(parts.join("\n"));
  return { token_digest, token_id: token_digest.slice(0, TOKEN_ID_LENGTH) };
}

/**
 * The identity of a token that its issuer names by a `jti` (RFC 7519, section 4.1.7). The text does not count:
 * one signature has many encodings.
 */
export function identityOfNamedToken(issuer: string, jti: string): TokenIdentity {
  return identityOf("jti", issuer, jti);
}

/** The identity of a token without a `jti`: its claims, which the issuer signed as a whole. */
export function identityOfClaims(
  issuer: string,
  claims: Readonly<Record<string, unknown>>,
): TokenIdentity {
  return identityOf("claims", issuer, canonicalJson(claims));
}

/**
 * The identity of another issuer's opaque token. Its public id is the one that
 * `shared/integrations/providers/node-oidc-provider.ts` gives to the token when it is issued.
 */
export function identityOfOpaqueToken(issuer: string, text: string): TokenIdentity {
  const digest = sha256(text);
  return {
    token_digest: sha256(["opaque", issuer, digest].join("\n")),
    token_id: digest.slice(0, TOKEN_ID_LENGTH),
  };
}

/** JSON with the members of every object in the order of their names. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}
