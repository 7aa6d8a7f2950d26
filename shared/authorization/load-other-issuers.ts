import type { MonitoringConfig } from "../config/monitoring-config.ts";
import type { Clock } from "../time/clock.ts";
import type { SecretReader } from "../token-verifiers/client-authentication.ts";
import type { OtherIssuers } from "./other-issuers.ts";

/**
 * What lets in the tokens of the configured issuers, for `AuthorizerContext.otherIssuers`. Their keys are fetched
 * before it resolves. Without issuers there is none, and no code for them is loaded.
 *
 * @param options.readSecret reads a secret for introspection. Default: from Secrets Manager
 */
export async function loadOtherIssuers(
  config: MonitoringConfig,
  options: { readonly clock: Clock; readonly readSecret?: SecretReader | undefined },
): Promise<OtherIssuers | undefined> {
  if (config.issuers.length === 0) return undefined;
  const { createOtherIssuers } = await import("./create-other-issuers.ts");
  return createOtherIssuers(config, options);
}
