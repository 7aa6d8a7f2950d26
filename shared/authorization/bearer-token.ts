/** A caller's token, or the reason why there is none. */
export type BearerToken =
  | { readonly found: true; readonly secret: string }
  | { readonly found: false; readonly reason: "missing_token" | "malformed_token" };

/** RFC 6750, section 2.1: `b64token`. The maximum length exceeds any real token and limits the work. */
const CREDENTIALS = /^bearer ([A-Za-z0-9._~+/-]{1,4096}={0,2})$/i;

/**
 * The bearer token in a request's `Authorization` header fields (RFC 6750, section 2.1). More than one field
 * is malformed: a request must not have two credentials.
 */
export function parseBearerToken(fields: readonly string[]): BearerToken {
  if (fields.length === 0) return { found: false, reason: "missing_token" };
  const secret = fields.length === 1 ? CREDENTIALS.exec(fields[0]?.trim() ?? "")?.[1] : undefined;
  return secret === undefined
    ? { found: false, reason: "malformed_token" }
    : { found: true, secret };
}

/** A caller's token, and the scheme with which it was sent. */
export type Credentials =
  | { readonly found: true; readonly secret: string; readonly scheme: "bearer" | "dpop" }
  | { readonly found: false; readonly reason: "missing_token" | "malformed_token" };

/** The credentials of `parseBearerToken`, where no other issuer is configured. */
export function parseBearerCredentials(fields: readonly string[]): Credentials {
  const bearer = parseBearerToken(fields);
  return bearer.found ? { ...bearer, scheme: "bearer" } : bearer;
}

/** A JWT with many claims is longer than an opaque token. API Gateway takes 10 KB of headers. */
const ANY_CREDENTIALS = /^(bearer|dpop) ([A-Za-z0-9._~+/-]{1,10000}={0,2})$/i;

/**
 * The token in a request's `Authorization` header fields, where issuers other than the product itself are
 * configured: `Bearer` (RFC 6750) or `DPoP` (RFC 9449, section 7.1).
 */
export function parseCredentials(fields: readonly string[]): Credentials {
  if (fields.length === 0) return { found: false, reason: "missing_token" };
  const [field] = fields.length === 1 ? fields : [];
  const [, scheme, secret] = ANY_CREDENTIALS.exec(field?.trim() ?? "") ?? [];
  if (scheme === undefined || secret === undefined) {
    return { found: false, reason: "malformed_token" };
  }
  return { found: true, secret, scheme: scheme.toLowerCase() as "bearer" | "dpop" };
}
