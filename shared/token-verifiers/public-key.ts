import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";

/** The shortest RSA key that RFC 7518, section 3.3 allows. */
const SHORTEST_MODULUS_BITS = 2048;

/** With the exponent 1, a signature is the padded message itself: anyone can make one. */
const SMALLEST_EXPONENT = 3n;

/**
 * Reads a public key (RFC 7517). Returns undefined for a key that isn't valid, an RSA key of fewer than 2,048 bits, and
 * one whose exponent is 1 or even (RFC 8017, section 3.1).
 */
export function readPublicKey(jwk: object): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: jwk as JsonWebKey, format: "jwk" });
    const { modulusLength = SHORTEST_MODULUS_BITS, publicExponent = SMALLEST_EXPONENT } =
      key.asymmetricKeyDetails ?? {};
    const isStrong =
      modulusLength >= SHORTEST_MODULUS_BITS &&
      publicExponent >= SMALLEST_EXPONENT &&
      publicExponent % 2n === 1n;
    return isStrong ? key : undefined;
  } catch {
    return undefined;
  }
}
