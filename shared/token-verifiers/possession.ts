import type { ProofIdentity } from "../tokens/used-proofs.ts";

/** Why a proof of possession is refused, as events say it. */
export type ProofRefusal =
  | "missing_dpop_proof"
  /** It is no JWT of type `dpop+jwt` with a public key, or there are two. */
  | "malformed_dpop_proof"
  | "invalid_dpop_signature"
  /** It is for another method, URL or token. */
  | "foreign_dpop_proof"
  /** It was made too long ago, or in the future. */
  | "stale_dpop_proof"
  /** Its key is not the one that the token is bound to. */
  | "wrong_dpop_key";

/** Why the nonce of a proof is refused, as events say it. */
export type NonceRefusal =
  | "missing_dpop_nonce"
  /** It is none of this server, or too old. */
  | "stale_dpop_nonce";

/** Why a client certificate is refused, as events say it. */
export type CertificateRefusal = "missing_client_certificate" | "wrong_client_certificate";

/** Why a call with a token is refused that its caller does not hold. */
export type PossessionRefusal =
  | ProofRefusal
  | NonceRefusal
  | CertificateRefusal
  /** The token is bound to a key, and was sent as a bearer token (RFC 9449, section 7.1). */
  | "downgraded_token"
  /** The token was sent with `DPoP`, and is not bound to a key. */
  | "unbound_token";

/** What a call shows of its caller's keys. */
export interface PossessionEvidence {
  readonly scheme: "bearer" | "dpop";
  readonly accessToken: string;
  readonly method: string;
  readonly path: string;
  readonly url?: string | undefined;
  readonly dpopProofs: readonly string[];
  readonly clientCertificate?: string | undefined;
}

/** What is left to do when possession is proven: the proof must not be used twice. */
export interface ProvenPossession {
  readonly proof?: ProofIdentity | undefined;
}
