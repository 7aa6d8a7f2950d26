import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

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
