/** A caller's token and the scheme with which it was sent, or the reason why there is none. */
export type Credentials =
  | { readonly found: true; readonly secret: string; readonly scheme: "bearer" | "dpop" }
  | { readonly found: false; readonly reason: "missing_token" | "malformed_token" };

/** RFC 6750, section 2.1: `b64token`. The maximum length exceeds any real token and limits the work. */
const BEARER = /^(bearer) ([A-Za-z0-9._~+/-]{1,4096}={0,2})$/i;

/** A JWT with many claims is longer than an opaque token. API Gateway takes 10 KB of headers. */
const ANY = /^(bearer|dpop) ([A-Za-z0-9._~+/-]{1,10000}={0,2})$/i;

/**
 * More than one header field is malformed: a request must not have two credentials.
 *
 * @param match finds scheme and token in a field
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

/** The bearer token in a request's `Authorization` header fields (RFC 6750, section 2.1). */
export function parseBearerCredentials(fields: readonly string[]): Credentials {
  return parse(fields, (field) => BEARER.exec(field));
}

/**
 * The token in a request's `Authorization` header fields, where issuers other than the product itself are
 * configured: `Bearer` (RFC 6750) or `DPoP` (RFC 9449, section 7.1).
 */
export function parseCredentials(fields: readonly string[]): Credentials {
  return parse(fields, (field) => ANY.exec(field));
}
