import { createHash, randomBytes } from "node:crypto";

/** Marks our secrets, so that secret scanners and the redaction of events know them. */
const PREFIX = "oam_";

/** SHA-256 of a secret in hex: the only form in which tokens, codes and session ids are stored. */
export function digestSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** A fresh secret of 256 random bits, safe in a header (RFC 6750's b64token). */
export function generateSecret(): string {
  return PREFIX + randomBytes(32).toString("base64url");
}
