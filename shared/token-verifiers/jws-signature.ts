import { constants, type KeyObject, verify } from "node:crypto";

/** How a signature of an algorithm is verified (RFC 7518, sections 3.3 to 3.5; RFC 8037, section 3.1). */
interface SignatureScheme {
  /** The hash; null where the algorithm has its own. */
  readonly hash: string | null;
  readonly options: object;
  /** Bytes of a signature whose length does not follow from the key. */
  readonly bytes?: number;
}

const pss = {
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
};
const pkcs1 = { padding: constants.RSA_PKCS1_PADDING };
/** r and s side by side, not in DER. */
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
 * Verifies the signature of a JWS in compact form (RFC 7515, section 5.2) with a key that fits the algorithm. It is
 * done at once, in this thread: handing it to another, as WebCrypto does, costs more than an RSA verification.
 *
 * @returns false for a signature that is wrong in any way, and for an algorithm that is not known
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
