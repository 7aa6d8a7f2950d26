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
