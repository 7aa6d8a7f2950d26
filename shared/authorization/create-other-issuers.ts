import type { MonitoringConfig } from "../config/monitoring-config.ts";
import type { Clock } from "../time/clock.ts";
import type { SecretReader } from "../token-verifiers/client-authentication.ts";
import { createTokenVerifiers } from "../token-verifiers/token-verifiers.ts";
import { parseCredentials } from "./bearer-token.ts";
import type { OtherIssuers } from "./other-issuers.ts";
import { useVerifiedToken } from "./use-verified-token.ts";

/** Loaded where issuers are configured: see `loadOtherIssuers`. */
export async function createOtherIssuers(
  config: MonitoringConfig,
  { clock, readSecret }: { readonly clock: Clock; readonly readSecret?: SecretReader | undefined },
): Promise<OtherIssuers> {
  const verifiers = await createTokenVerifiers(config, {
    atMs: clock(),
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
        // An own token is bound to no key.
        return scheme === "dpop" ? { status: "refused", reason: "unbound_token" } : undefined;
      }
      if (verification.status !== "verified") return verification;
      const { verified } = verification;
      const possession = await verifiers.provePossession(
        verified,
        {
          scheme,
          accessToken: secret,
          method: request.method,
          path: request.path,
          url: request.url,
          dpopProofs: request.dpopProofs ?? [],
          clientCertificate: request.clientCertificate,
        },
        atMs,
      );
      return typeof possession === "string"
        ? { status: "refused", reason: possession, subject: verified.token }
        : { status: "verified", verified, proof: possession.proof };
    },
  };
}
