import type { MonitoringConfig } from "../config/monitoring-config.ts";
import type { Clock } from "../core/clock.ts";
import type { EventSubject } from "../events/track-event.ts";
import type { SecretReader } from "../token-verifiers/client-authentication.ts";
import type { PossessionRejection, TokenRejection } from "../token-verifiers/rejections.ts";
import { createTokenVerifiers } from "../token-verifiers/token-verifiers.ts";
import type { VerifiedToken } from "../tokens/access-token.ts";
import type { ProofIdentity } from "../tokens/used-proofs.ts";
import { type Credentials, parseCredentials } from "./bearer-token.ts";
import {
  type TokenCall,
  type TokenUseContext,
  useVerifiedToken,
  type VerifiedUseOutcome,
} from "./use-verified-token.ts";

/** The result of verifying a token, before anything is read from DynamoDB. */
export type CheckedToken =
  | {
      readonly status: "verified";
      readonly verified: VerifiedToken;
      /** The proof of possession that was sent with the token. */
      readonly proof: ProofIdentity | undefined;
    }
  | {
      readonly status: "rejected";
      readonly reason: TokenRejection | PossessionRejection;
      readonly subject?: EventSubject | undefined;
      /** The nonce for the caller's next DPoP proof (RFC 9449, section 9). */
      readonly dpopNonce?: string | undefined;
    }
  | { readonly status: "unavailable"; readonly cause: string };

/** The parts of a `ProtectedRequest` that a proof of possession must match. */
export interface CallEvidence {
  readonly method: string;
  readonly path: string;
  readonly url?: string | undefined;
  readonly dpopProofs?: readonly string[] | undefined;
  readonly clientCertificate?: string | undefined;
}

/** Options for verifying tokens from other issuers. */
export interface OtherIssuersOptions {
  readonly clock: Clock;
  readonly readSecret?: SecretReader | undefined;
  /** Whether responses can carry a DPoP nonce. If false, proofs don't need one. */
  readonly canGiveNonces?: boolean | undefined;
}

/** Verifies tokens from other issuers. */
export interface OtherIssuers {
  /** Parses the token from a request, regardless of the token's issuer. */
  readCredentials(fields: readonly string[]): Credentials;
  /**
   * Verifies a token, and that the caller holds the key that the token is bound to. Returns undefined for a token that
   * this product issued.
   */
  check(
    context: TokenUseContext,
    credentials: Credentials & { readonly found: true },
    request: CallEvidence,
    atMs: number,
  ): Promise<CheckedToken | undefined>;
  /** Records that a verified token was used, and checks whether the token is revoked. */
  use(
    context: TokenUseContext,
    verified: VerifiedToken,
    call: TokenCall,
  ): Promise<VerifiedUseOutcome>;
}

/** Denial reasons for which the response includes a nonce. */
const NONCE_REJECTIONS: ReadonlySet<string> = new Set<PossessionRejection>([
  "missing_dpop_nonce",
  "stale_dpop_nonce",
]);

/** Creates the verifier for other issuers' tokens. */
export async function createOtherIssuers(
  config: MonitoringConfig,
  { clock, readSecret, canGiveNonces }: OtherIssuersOptions,
): Promise<OtherIssuers> {
  const verifiers = await createTokenVerifiers(config, {
    atMs: clock(),
    canGiveNonces,
    readSecret:
      readSecret ??
      (async (arn) => (await import("../token-verifiers/secrets-manager.ts")).readSecret(arn)),
  });
  return {
    readCredentials: parseCredentials,
    use: useVerifiedToken,
    async check({ defer }, { secret, scheme }, request, atMs) {
      const verification = await verifiers.verify(secret, { atMs, defer });
      if (!verification) {
        // Tokens issued by this product aren't bound to a key.
        return scheme === "dpop" ? { status: "rejected", reason: "unbound_token" } : undefined;
      }
      if (verification.status !== "verified") return verification;
      const { verified } = verification;
      const evidence = {
        scheme,
        accessToken: secret,
        method: request.method,
        path: request.path,
        url: request.url,
        dpopProofs: request.dpopProofs ?? [],
        clientCertificate: request.clientCertificate,
      };
      try {
        const possession = await verifiers.provePossession(verified, evidence, atMs);
        if (typeof possession !== "string") {
          return { status: "verified", verified, proof: possession.proof };
        }
        const rejected = {
          status: "rejected",
          reason: possession,
          subject: verified.token,
        } as const;
        return NONCE_REJECTIONS.has(possession)
          ? { ...rejected, dpopNonce: await verifiers.nonce(atMs) }
          : rejected;
      } catch (error) {
        return { status: "unavailable", cause: String(error) };
      }
    },
  };
}
