import type { MonitoringConfig } from "../config/monitoring-config.ts";
import type { Clock } from "../time/clock.ts";
import type { SecretReader } from "./client-authentication.ts";
import type { TokenVerifiers } from "./token-verifier.ts";

/**
 * The verifiers of the configured issuers, for `AuthorizerContext.tokenVerifiers`. Without issuers there are none, and
 * no code of theirs is loaded.
 */
export async function loadTokenVerifiers(
  config: Pick<MonitoringConfig, "issuers" | "dpop" | "routes" | "defaultScopes">,
  { clock, readSecret }: { readonly clock: Clock; readonly readSecret?: SecretReader },
): Promise<TokenVerifiers | undefined> {
  if (config.issuers.length === 0) return undefined;
  const { createTokenVerifiers } = await import("./token-verifiers.ts");
  return createTokenVerifiers(config, {
    atMs: clock(),
    readSecret:
      readSecret ?? (async (arn) => (await import("./secrets-manager.ts")).readSecret(arn)),
  });
}
