import { createHash } from "node:crypto";

/** A public key for verifying SETs (RFC 7517). */
export interface SigningJwk {
  readonly kty: string;
  readonly kid: string;
  readonly alg: "RS256";
  readonly use: "sig";
  readonly n: string;
  readonly e: string;
}

/** Signing keys whose private parts never leave their key store. */
export interface SigningKeys {
  /** Returns every public key: first the signing key, then the previous or next key. */
  publicKeys(): Promise<readonly SigningJwk[]>;
  /** Signs a SHA-256 digest with the first key (RSASSA-PKCS1-v1_5, RFC 7518, section 3.3). */
  signDigest(digest: Uint8Array): Promise<Uint8Array>;
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/**
 * Signs a SET's claims and returns the SET in compact form. Uses RS256, as the CAEP interoperability profile requires.
 */
export async function signSet(keys: SigningKeys, claims: object): Promise<string> {
  const [key] = await keys.publicKeys();
  const header = { alg: "RS256", typ: "secevent+jwt", kid: key?.kid };
  const input = `${encode(header)}.${encode(claims)}`;
  const signature = await keys.signDigest(createHash("sha256").update(input).digest());
  return `${input}.${Buffer.from(signature).toString("base64url")}`;
}

/** Returns an RSA key's ID, which is its thumbprint (RFC 7638). */
export function computeThumbprint({ e, n }: Pick<SigningJwk, "e" | "n">): string {
  return createHash("sha256")
    .update(JSON.stringify({ e, kty: "RSA", n }))
    .digest("base64url");
}
