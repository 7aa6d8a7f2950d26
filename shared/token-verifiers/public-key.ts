import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";

/** Minimum RSA key length (RFC 7518, section 3.3). */
const SHORTEST_MODULUS_BITS = 2048;

/** With exponent 1, a signature is the padded message itself, which anyone can forge. */
const SMALLEST_EXPONENT = 3n;

/**
 * Reads a public key (RFC 7517). Returns undefined for an invalid key, an RSA key of fewer than 2,048 bits,
 * or one whose exponent is 1 or even (RFC 8017, section 3.1).
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
