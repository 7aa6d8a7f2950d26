import type { EventSubject } from "../events/track-event.ts";
import type { VerifiedToken } from "../tokens/access-token.ts";
import type { SignedJwt } from "./json-web-token.ts";
import type {
  PossessionEvidence,
  PossessionRejection,
  ProvenPossession,
  TokenRejection,
} from "./rejections.ts";

/** Result of checking a token's form, signature and claims. */
export type Judgement =
  | { readonly status: "verified"; readonly verified: VerifiedToken }
  | {
      readonly status: "rejected";
      readonly reason: TokenRejection;
      /** The denied call's client, user and token, if the issuer's signature or response was verified. */
      readonly subject?: EventSubject | undefined;
    };

/** Result of verifying a token. */
export type Verification =
  | Judgement
  /** The issuer doesn't respond, so the result is unknown. */
  | { readonly status: "unavailable"; readonly cause: string };

/** When a verification takes place, and a way to run tasks after the response. */
export interface VerificationMoment {
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly defer: (task: () => Promise<unknown>) => void;
}

/** A token as sent by a caller. */
export interface PresentedToken {
  readonly text: string;
  /** The parsed token if it is a signed JWT. Nothing is verified yet. */
  readonly jwt?: SignedJwt | undefined;
}

/** Verifies the tokens of one issuer. Doesn't check revocations, which are in DynamoDB. */
export interface TokenVerifier {
  /** Fetches keys or metadata before the first call. Never throws: if the fetch fails, the next call tries again. */
  prepare(atMs: number): Promise<void>;
  verify(presented: PresentedToken, moment: VerificationMoment): Promise<Verification>;
}

/** Verifies the tokens of all configured issuers. */
export interface TokenVerifiers {
  /**
   * Verifies a token with the verifier for its issuer.
   *
   * @returns undefined for a token that this product issued, or if no configured issuer matches
   */
  verify(text: string, moment: VerificationMoment): Promise<Verification> | undefined;

  /**
   * Verifies that the caller holds the keys that a token is bound to.
   *
   * @throws any error from reading the nonce secret
   */
  provePossession(
    verified: VerifiedToken,
    evidence: PossessionEvidence,
    atMs: number,
  ): Promise<ProvenPossession | PossessionRejection>;

  /**
   * Returns the nonce for new proofs, or undefined if nonces aren't required.
   *
   * @throws any error from reading the secret
   */
  nonce(atMs: number): Promise<string | undefined>;
}

/** Returns the result for a rejected token. */
export function rejected(reason: TokenRejection, subject?: EventSubject): Judgement {
  return { status: "rejected", reason, subject };
}
