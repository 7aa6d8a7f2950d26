import { createHash } from "node:crypto";
import { calculateJwkThumbprint, compactVerify, errors, importJWK } from "jose";
import * as z from "zod";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { SECOND_MS } from "../core/clock.ts";
import type { ProofIdentity } from "../tokens/used-proofs.ts";
import type { DpopNonces } from "./dpop-nonces.ts";
import { readSignedJwt } from "./json-web-token.ts";
import { readPublicKey } from "./jws-signature.ts";
import type { NonceRejection, ProofRejection } from "./rejections.ts";

/** The parts of a call that the DPoP proof must match. */
export interface ProvenCall {
  readonly method: string;
  /** URLs that the caller may have used for the API: its own URL and the public ones. */
  readonly urls: readonly string[];
  /** All `DPoP` header fields. */
  readonly proofs: readonly string[];
  readonly accessToken: string;
  /** Thumbprint of the key that the token is bound to. */
  readonly keyThumbprint: string;
  /** Server nonces, if proofs must contain one. */
  readonly nonces?: DpopNonces | undefined;
}

/** A public key without a private part (RFC 9449, section 4.3, item 7). */
const publicKeySchema = z
  .looseObject({ kty: z.enum(["RSA", "EC", "OKP"]) })
  .refine((jwk) => !["d", "p", "q", "dp", "dq", "qi", "oth", "k"].some((name) => name in jwk));

const proofClaimsSchema = z.looseObject({
  jti: z.string().min(1).max(256),
  htm: z.string(),
  htu: z.string().max(2048),
  iat: z.number(),
  ath: z.string(),
  nonce: z.unknown().optional(),
});

/** Returns the URL without query and fragment, normalized by RFC 3986, sections 6.2.2 and 6.2.3. */
function comparable(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { origin, pathname } = new URL(url);
  const path = pathname.replace(/%[0-9a-f]{2}/gi, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : encoded.toUpperCase();
  });
  return `${origin}${path}`;
}

/**
 * Checks a DPoP proof (RFC 9449, section 4.3), except whether it was used before (see `useProof`).
 *
 * @returns the proof's identity, or why the proof is rejected
 * @throws any error from reading the nonce secret
 */
export async function checkDpopProof(
  { method, urls, proofs, accessToken, keyThumbprint, nonces }: ProvenCall,
  { algorithms, proofMaxAgeSeconds }: MonitoringConfig["dpop"],
  atMs: number,
): Promise<ProofIdentity | ProofRejection | NonceRejection> {
  const [text] = proofs;
  if (text === undefined) return "missing_dpop_proof";
  const jwt = proofs.length === 1 ? readSignedJwt(text.trim()) : "malformed_jwt";
  if (typeof jwt === "string" || jwt.type !== "dpop+jwt") return "malformed_dpop_proof";
  const jwk = publicKeySchema.safeParse(jwt.header.jwk).data;
  const claims = proofClaimsSchema.safeParse(jwt.claims).data;
  if (!jwk || !claims || !(algorithms as readonly string[]).includes(jwt.algorithm)) {
    return "malformed_dpop_proof";
  }
  const thumbprint = await calculateJwkThumbprint(jwk).catch(() => undefined);
  if (thumbprint === undefined) return "malformed_dpop_proof";
  if (thumbprint !== keyThumbprint) return "wrong_dpop_key";
  if (!readPublicKey(jwk)) return "malformed_dpop_proof";
  const ath = createHash("sha256").update(accessToken).digest("base64url");
  const url = comparable(claims.htu);
  const isForCall =
    claims.htm === method &&
    claims.ath === ath &&
    url !== undefined &&
    urls.some((each) => comparable(each) === url);
  if (!isForCall) return "foreign_dpop_proof";
  const maxAgeMs = proofMaxAgeSeconds * SECOND_MS;
  if (Math.abs(atMs - claims.iat * SECOND_MS) > maxAgeMs) return "stale_dpop_proof";
  try {
    const key = await importJWK(jwk, jwt.algorithm);
    await compactVerify(jwt.text, key, { algorithms: [jwt.algorithm] });
  } catch (error) {
    const isRejection =
      error instanceof errors.JOSEError ||
      error instanceof TypeError ||
      error instanceof DOMException;
    if (!isRejection) throw error;
    return "invalid_dpop_signature";
  }
  const rejection = await nonces?.rejection(claims.nonce, atMs);
  if (rejection) return rejection;
  return {
    keyThumbprint,
    jti: claims.jti,
    expiresAtMs: claims.iat * SECOND_MS + maxAgeMs + SECOND_MS,
  };
}
