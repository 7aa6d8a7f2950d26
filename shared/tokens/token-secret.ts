import { createHash, randomBytes } from "node:crypto";

/** The prefix by which secret scanners and the redaction of events recognise our secrets. */
const PREFIX = "oam_";

/** SHA-256 of a secret in hex: the only form in which tokens, codes and session ids are stored. */
export function digestSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** A new secret of 256 random bits, valid in a header (`b64token` of RFC 6750). */
export function generateSecret(): string {
  return PREFIX + randomBytes(32).toString("base64url");
}
