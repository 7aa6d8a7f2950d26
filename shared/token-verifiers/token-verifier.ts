import type { EventSubject } from "../events/track-event.ts";
import type { VerifiedToken } from "../tokens/verified-token.ts";
import type { SignedJwt } from "./json-web-token.ts";
import type { PossessionEvidence, PossessionRefusal, ProvenPossession } from "./possession.ts";
import type { TokenRefusal } from "./token-refusal.ts";

/** What a token's form, signature and claims say of it. */
export type Judgement =
  | { readonly status: "verified"; readonly verified: VerifiedToken }
  | {
      readonly status: "refused";
      readonly reason: TokenRefusal;
      /** Whose token it is, when the issuer's word for it is verified. */
      readonly subject?: EventSubject | undefined;
    };

/** What a verifier says of a token. */
export type Verification =
  | Judgement
  /** The issuer does not answer, so nobody can tell. */
  | { readonly status: "unavailable"; readonly cause: string };

/** When a token is judged, and what may be done after the answer. */
export interface VerificationMoment {
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly defer: (task: () => Promise<unknown>) => void;
}

/** A token as a caller sent it. */
export interface PresentedToken {
  readonly text: string;
  /** What it says of itself, if it has the form of a signed JWT. Nothing of it is verified. */
  readonly jwt?: SignedJwt | undefined;
}

/** Verifies the tokens of one issuer. It knows nothing of the store: revocations are checked there. */
export interface TokenVerifier {
  /** Fetches what can be fetched before the first call. It does not throw: a call will ask again. */
  prepare(atMs: number): Promise<void>;
  verify(presented: PresentedToken, moment: VerificationMoment): Promise<Verification>;
}

/** The verifiers of all configured issuers. */
export interface TokenVerifiers {
  /**
   * Verifies a token by the issuer that it claims to be of.
   *
   * @returns undefined for a token that the product issued itself, or that no other issuer is responsible for
   */
  verify(text: string, moment: VerificationMoment): Promise<Verification> | undefined;

  /**
   * Checks that the caller holds the keys that a token is bound to.
   *
   * @throws what reading the secret of nonces throws
   */
  provePossession(
    verified: VerifiedToken,
    evidence: PossessionEvidence,
    atMs: number,
  ): Promise<ProvenPossession | PossessionRefusal>;

  /**
   * The nonce for proofs from now on; undefined where none is asked for.
   *
   * @throws what reading its secret throws
   */
  nonce(atMs: number): Promise<string | undefined>;
}

/** A refusal. */
export function refused(reason: TokenRefusal, subject?: EventSubject): Judgement {
  return { status: "refused", reason, subject };
}
