import type { TokenRejection } from "./rejections.ts";
import { parseUnambiguousObject } from "./unambiguous-json.ts";

/** API Gateway accepts 10,240 bytes for all headers together, so no longer token can arrive. */
export const MAX_JWT_LENGTH = 10_240;

const BASE64URL = /^[A-Za-z0-9_-]+$/;

/** A signed JWT as sent by a caller. Nothing is verified yet. */
export interface SignedJwt {
  readonly text: string;
  readonly algorithm: string;
  readonly keyId: string | undefined;
  /** `typ` in lower case, without `application/` (RFC 7515, section 4.1.9). */
  readonly type: string | undefined;
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/**
 * Whether a token looks like a JWS or JWE: three or five parts, the first of which is a JSON object. Opaque tokens may
 * contain dots too (RFC 6750, section 2.1).
 */
export function looksLikeJwt(text: string): boolean {
  const [head = "", ...parts] = text.split(".");
  if (parts.length !== 2 && parts.length !== 4) return false;
  return Buffer.from(head.slice(0, 64), "base64url").toString("latin1").trimStart().startsWith("{");
}

function mediaType(typ: unknown): string | undefined {
  return typeof typ === "string" ? typ.toLowerCase().replace(/^application\//, "") : undefined;
}

/**
 * Parses a JWS in compact form (RFC 7515). Ignores keys and links to keys in the header (`jwk`, `jku`, `x5c`,
 * `x5u`), because only the issuer's own keys are trusted (RFC 8725, section 3.10).
 */
export function readSignedJwt(
  text: string,
  maxLength = MAX_JWT_LENGTH,
): SignedJwt | TokenRejection {
  if (text.length > maxLength) return "malformed_jwt";
  const parts = text.split(".");
  if (parts.length === 5) return "encrypted_jwt";
  const [head = "", body = "", signature = ""] = parts;
  if (parts.length !== 3 || !BASE64URL.test(head) || !BASE64URL.test(body)) return "malformed_jwt";
  const header = parseUnambiguousObject(Buffer.from(head, "base64url"));
  if (!header || typeof header.alg !== "string") return "malformed_jwt";
  if ("enc" in header || "zip" in header) return "encrypted_jwt";
  if ("crit" in header || "b64" in header) return "unsupported_jwt_header";
  // `alg: none` means that there is no signature (RFC 7515, appendix A.5).
  if (header.alg.toLowerCase() === "none") return "forbidden_algorithm";
  if (!BASE64URL.test(signature)) return "malformed_jwt";
  const type = mediaType(header.typ);
  if (header.typ !== undefined && type === undefined) return "malformed_jwt";
  if (header.kid !== undefined && typeof header.kid !== "string") return "malformed_jwt";
  const claims = parseUnambiguousObject(Buffer.from(body, "base64url"));
  // `cty` marks a nested JWT (RFC 7519, section 5.2), which is not an access token.
  if (!claims || "cty" in header) return "malformed_jwt";
  return { text, algorithm: header.alg, keyId: header.kid, type, header, claims };
}
