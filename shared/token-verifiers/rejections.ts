import type { ProofIdentity } from "../tokens/used-proofs.ts";

/** Why another issuer's token is rejected, as published in events. */
export type TokenRejection =
  /** Not a JWS in compact form, or its JSON is invalid, ambiguous or nested too deeply. */
  | "malformed_jwt"
  /** Encrypted (RFC 7516). */
  | "encrypted_jwt"
  /** The header requires an extension (`crit`, `b64`). */
  | "unsupported_jwt_header"
  | "forbidden_algorithm"
  | "unknown_issuer"
  /** The issuer publishes no key with the token's key id. */
  | "unknown_key"
  | "invalid_signature"
  /** An ID token, or another token that isn't for an API. */
  | "wrong_token_type"
  | "wrong_audience"
  | "wrong_client"
  /** A required claim is missing or invalid. */
  | "invalid_claims"
  | "token_not_yet_valid"
  | "expired_token"
  /** The issuer reports the token as unknown, expired or revoked. */
  | "inactive_token"
  /** The configuration requires a token bound to a key. */
  | "unconstrained_token";

/** Why a DPoP proof is rejected, as published in events. */
export type ProofRejection =
  | "missing_dpop_proof"
  /** Not a JWT of type `dpop+jwt` with a public key, or more than one proof. */
  | "malformed_dpop_proof"
  | "invalid_dpop_signature"
  /** For a different method, URL or token. */
  | "foreign_dpop_proof"
  /** Created too long ago, or in the future. */
  | "stale_dpop_proof"
  /** Signed by a key other than the one that the token is bound to. */
  | "wrong_dpop_key";

/** Why a proof's nonce is rejected, as published in events. */
export type NonceRejection =
  | "missing_dpop_nonce"
  /** Not issued by this server, or too old. */
  | "stale_dpop_nonce";

/** Why a client certificate is rejected, as published in events. */
export type CertificateRejection = "missing_client_certificate" | "wrong_client_certificate";

/** Why a call that doesn't prove possession of the key is denied. */
export type PossessionRejection =
  | ProofRejection
  | NonceRejection
  | CertificateRejection
  /** A key-bound token sent as a bearer token (RFC 9449, section 7.1). */
  | "downgraded_token"
  /** A token that isn't bound to a key, sent with the `DPoP` scheme. */
  | "unbound_token";

/** Evidence in a call that the caller holds the keys. */
export interface PossessionEvidence {
  readonly scheme: "bearer" | "dpop";
  readonly accessToken: string;
  readonly method: string;
  readonly path: string;
  readonly url?: string | undefined;
  readonly dpopProofs: readonly string[];
  readonly clientCertificate?: string | undefined;
}

/** A successful proof of possession. `useProof` must still check that `proof` isn't used twice. */
export interface ProvenPossession {
  readonly proof?: ProofIdentity | undefined;
}
