import { constants, createPublicKey, type JsonWebKey, type KeyObject, verify } from "node:crypto";

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

/** Parameters for verifying signatures with one algorithm (RFC 7518, sections 3.3 to 3.5; RFC 8037, section 3.1). */
interface SignatureScheme {
  /** Hash function; null if the algorithm has its own. */
  readonly hash: string | null;
  readonly options: object;
  /** Length of a signature in bytes, if the key doesn't determine it. */
  readonly bytes?: number;
}

const pss = {
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
};
const pkcs1 = { padding: constants.RSA_PKCS1_PADDING };
/** r and s concatenated instead of DER. */
const ecdsa = { dsaEncoding: "ieee-p1363" };

const SCHEMES: Readonly<Record<string, SignatureScheme>> = {
  RS256: { hash: "sha256", options: pkcs1 },
  RS384: { hash: "sha384", options: pkcs1 },
  RS512: { hash: "sha512", options: pkcs1 },
  PS256: { hash: "sha256", options: pss },
  PS384: { hash: "sha384", options: pss },
  PS512: { hash: "sha512", options: pss },
  ES256: { hash: "sha256", options: ecdsa, bytes: 64 },
  ES384: { hash: "sha384", options: ecdsa, bytes: 96 },
  ES512: { hash: "sha512", options: ecdsa, bytes: 132 },
  EdDSA: { hash: null, options: {}, bytes: 64 },
  Ed25519: { hash: null, options: {}, bytes: 64 },
};

/**
 * Verifies the signature of a JWS in compact form (RFC 7515, section 5.2). Runs synchronously: passing it to
 * another thread, as WebCrypto does, costs more than an RSA verification.
 *
 * @returns false for an invalid signature or an unknown algorithm
 */
export function isSignatureValid(text: string, algorithm: string, key: KeyObject): boolean {
  const scheme = Object.hasOwn(SCHEMES, algorithm) ? SCHEMES[algorithm] : undefined;
  if (!scheme) return false;
  const end = text.lastIndexOf(".");
  const signature = Buffer.from(text.slice(end + 1), "base64url");
  if (scheme.bytes !== undefined && signature.length !== scheme.bytes) return false;
  const signed = Buffer.from(text.slice(0, end), "latin1");
  return verify(scheme.hash, signed, { key, ...scheme.options }, signature);
}
