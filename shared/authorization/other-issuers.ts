import type { Clock } from "../core/clock.ts";
import type { EventSubject } from "../events/track-event.ts";
import type { SecretReader } from "../token-verifiers/client-authentication.ts";
import type { PossessionRefusal } from "../token-verifiers/possession.ts";
import type { TokenRefusal } from "../token-verifiers/token-refusal.ts";
import type { ProofIdentity } from "../tokens/used-proofs.ts";
import type { VerifiedToken } from "../tokens/verified-token.ts";
import type { Credentials } from "./bearer-token.ts";
import type { TokenCall, TokenUseContext, VerifiedUseOutcome } from "./use-verified-token.ts";

/** What is known of a token before the store is asked. */
export type CheckedToken =
  | {
      readonly status: "verified";
      readonly verified: VerifiedToken;
      /** The proof of possession that came with it. */
      readonly proof: ProofIdentity | undefined;
    }
  | {
      readonly status: "refused";
      readonly reason: TokenRefusal | PossessionRefusal;
      readonly subject?: EventSubject | undefined;
      /** The nonce that the next proof needs (RFC 9449, section 9). */
      readonly dpopNonce?: string | undefined;
    }
  | { readonly status: "unavailable"; readonly cause: string };

/** A call, as far as a proof of possession must agree with it: a part of `ProtectedRequest`. */
export interface CallEvidence {
  readonly method: string;
  readonly path: string;
  readonly url?: string | undefined;
  readonly dpopProofs?: readonly string[] | undefined;
  readonly clientCertificate?: string | undefined;
}

/** How the tokens of other issuers are verified. */
export interface OtherIssuersOptions {
  readonly clock: Clock;
  readonly readSecret?: SecretReader | undefined;
  /** Whether callers can be told a DPoP nonce. Without it, none is asked for. */
  readonly canGiveNonces?: boolean | undefined;
}

/** What lets in the tokens of other issuers. */
export interface OtherIssuers {
  /** The token of a request, of whatever issuer. */
  readCredentials(fields: readonly string[]): Credentials;
  /** Verifies a token and its binding to its caller; undefined for a token that the product issued itself. */
  check(
    context: TokenUseContext,
    credentials: Credentials & { readonly found: true },
    request: CallEvidence,
    atMs: number,
  ): Promise<CheckedToken | undefined>;
  /** Meets the store with a verified token. */
  use(
    context: TokenUseContext,
    verified: VerifiedToken,
    call: TokenCall,
  ): Promise<VerifiedUseOutcome>;
}
