/** The caller's token and authentication scheme, or why no token was found. */
export type Credentials =
  | { readonly found: true; readonly secret: string; readonly scheme: "bearer" | "dpop" }
  | { readonly found: false; readonly reason: "missing_token" | "malformed_token" };

/** `b64token` of RFC 6750, section 2.1. The length limit exceeds any real token and bounds matching time. */
const BEARER = /^(bearer) ([A-Za-z0-9._~+/-]{1,4096}={0,2})$/i;

/**
 * Allows longer tokens, because a JWT with many claims is longer than an opaque token. API Gateway accepts up to 10 KB
 * of headers.
 */
const ANY = /^(bearer|dpop) ([A-Za-z0-9._~+/-]{1,10000}={0,2})$/i;

/**
 * Parses the credentials. Rejects multiple header fields, because a request must carry only one credential.
 *
 * @param match extracts the scheme and token from a header field
 */
function parse(
  fields: readonly string[],
  match: (field: string) => readonly string[] | null,
): Credentials {
  if (fields.length === 0) return { found: false, reason: "missing_token" };
  const [field] = fields.length === 1 ? fields : [];
  const [, scheme, secret] = match(field?.trim() ?? "") ?? [];
  if (scheme === undefined || secret === undefined) {
    return { found: false, reason: "malformed_token" };
  }
  return { found: true, secret, scheme: scheme.toLowerCase() as "bearer" | "dpop" };
}

/** Parses the bearer token from a request's `Authorization` header fields (RFC 6750, section 2.1). */
export function parseBearerCredentials(fields: readonly string[]): Credentials {
  return parse(fields, (field) => BEARER.exec(field));
}

/**
 * Parses the token from a request's `Authorization` header fields when other issuers are configured. Accepts `Bearer`
 * (RFC 6750) and `DPoP` (RFC 9449, section 7.1).
 */
export function parseCredentials(fields: readonly string[]): Credentials {
  return parse(fields, (field) => ANY.exec(field));
}
