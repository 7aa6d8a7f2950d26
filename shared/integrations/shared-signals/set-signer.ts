import { createHash } from "node:crypto";

/** A public key that receivers verify SETs by (RFC 7517). */
export interface SigningJwk {
  readonly kty: string;
  readonly kid: string;
  readonly alg: "RS256";
  readonly use: "sig";
  readonly n: string;
  readonly e: string;
}

/** Keys whose private halves stay where they are. */
export interface SigningKeys {
  /** Every public key: the one that signs first, then the one of before or after. */
  publicKeys(): Promise<readonly SigningJwk[]>;
  /** Signs the SHA-256 digest of a message by the first key (RSASSA-PKCS1-v1_5, RFC 7518, section 3.3). */
  signDigest(digest: Uint8Array): Promise<Uint8Array>;
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/**
 * Signs the claims of a SET, in compact form. The algorithm is RS256, which the CAEP interoperability profile asks for.
 */
export async function signSet(keys: SigningKeys, claims: object): Promise<string> {
  const [key] = await keys.publicKeys();
  const header = { alg: "RS256", typ: "secevent+jwt", kid: key?.kid };
  const input = `${encode(header)}.${encode(claims)}`;
  const signature = await keys.signDigest(createHash("sha256").update(input).digest());
  return `${input}.${Buffer.from(signature).toString("base64url")}`;
}

/** The id of an RSA key: its thumbprint (RFC 7638). */
export function thumbprintOf({ e, n }: Pick<SigningJwk, "e" | "n">): string {
  return createHash("sha256")
    .update(JSON.stringify({ e, kty: "RSA", n }))
    .digest("base64url");
}
