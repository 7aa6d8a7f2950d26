import type { MonitoringConfig } from "../config/monitoring-config.ts";
import type { PossessionRefusal } from "../token-verifiers/possession.ts";
import { createTokenVerifiers } from "../token-verifiers/token-verifiers.ts";
import { parseCredentials } from "./bearer-token.ts";
import type { OtherIssuers, OtherIssuersOptions } from "./other-issuers.ts";
import { useVerifiedToken } from "./use-verified-token.ts";

/** Denial reasons for which the response includes a nonce. */
const NONCE_REFUSALS: ReadonlySet<string> = new Set<PossessionRefusal>([
  "missing_dpop_nonce",
  "stale_dpop_nonce",
]);

/**
 * Creates the verifier for other issuers' tokens. Functions use `loadOtherIssuers` of load-other-issuers.ts, which loads
 * this module only if issuers are configured.
 */
export async function loadOtherIssuers(
  config: MonitoringConfig,
  { clock, readSecret, canGiveNonces }: OtherIssuersOptions,
): Promise<OtherIssuers | undefined> {
  if (config.issuers.length === 0) return undefined;
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
        return scheme === "dpop" ? { status: "refused", reason: "unbound_token" } : undefined;
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
        const refused = { status: "refused", reason: possession, subject: verified.token } as const;
        return NONCE_REFUSALS.has(possession)
          ? { ...refused, dpopNonce: await verifiers.nonce(atMs) }
          : refused;
      } catch (error) {
        return { status: "unavailable", cause: String(error) };
      }
    },
  };
}
