import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import * as z from "zod";
import type { DocumentClient } from "../core/document-client.ts";

export const accessTokenSchema = z.object({
  /** Table key: the secret's SHA-256 digest in hex. */
  token_digest: z.string(),
  /** Public ID, used in events and responses. */
  token_id: z.string(),
  oauth_client_id: z.string(),
  user_id: z.string().optional(),
  scopes: z.array(z.string()),
  /** UTC with milliseconds. */
  issued_at: z.string(),
  /** UTC with milliseconds. The token is expired from this instant on. */
  expires_at: z.string(),
  revoked_at: z.string().optional(),
  /** When the token was last used. */
  last_used_at: z.string().optional(),
  /** The address that last used the token. */
  last_used_ip: z.string().optional(),
  /** Whether the token is in the credential lists of its client and user. */
  listed: z.boolean().optional(),
});

/** An access token as stored in DynamoDB, with only the digest of its secret. */
export interface AccessToken extends z.output<typeof accessTokenSchema> {}

/** The DynamoDB table of access tokens. */
export interface TokenStore {
  readonly db: DocumentClient;
  readonly tokensTable: string;
}

/** The keys that a token is bound to (RFC 7800). The caller must prove possession of them. */
export interface Confirmation {
  /** SHA-256 thumbprint of the DPoP key (RFC 9449, section 6). */
  readonly keyThumbprint?: string | undefined;
  /** SHA-256 thumbprint of the client certificate (RFC 8705, section 3.1). */
  readonly certificateThumbprint?: string | undefined;
}

/** A verified token from another issuer. It may not be stored yet. */
export interface VerifiedToken {
  /** The claims, in the form of a stored token. */
  readonly token: AccessToken;
  /** `iss`, as configured. */
  readonly issuer: string;
  /** The user's session at the issuer. */
  readonly sessionId?: string | undefined;
  readonly confirmation: Confirmation;
  /** Authentication context classes of the sign-in (`acr`). */
  readonly authenticationClasses: readonly string[];
  /** Time of the sign-in (`auth_time`) in epoch milliseconds. */
  readonly authenticatedAtMs?: number | undefined;
}

/** Prefix that lets secret scanners and event redaction recognise this product's secrets. */
const PREFIX = "oam_";

/** Returns the SHA-256 of a secret in hex, the only form in which tokens, codes and session IDs are stored. */
export function digestSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Returns a new secret of 256 random bits, valid as a bearer token (`b64token` of RFC 6750). */
export function generateSecret(): string {
  return PREFIX + randomBytes(32).toString("base64url");
}

/** Whether a credential equals the expected one. Compares in constant time. */
export function isSameText(given: string | undefined, expected: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return given !== undefined && timingSafeEqual(digest(given), digest(expected));
}
