import type { MonitoringConfig } from "../config/monitoring-config.ts";
import type { OtherIssuers, OtherIssuersOptions } from "./other-issuers.ts";

/**
 * Loads the verifier for other issuers' tokens, for use as `AuthorizerContext.otherIssuers`. Fetches the issuers' keys
 * before it resolves. If no issuers are configured, returns undefined without loading any code.
 *
 * @param options.readSecret reads a secret. Default: from Secrets Manager
 * @param options.canGiveNonces whether responses can carry a DPoP nonce. Default: false
 */
export async function loadOtherIssuers(
  config: MonitoringConfig,
  options: OtherIssuersOptions,
): Promise<OtherIssuers | undefined> {
  if (config.issuers.length === 0) return undefined;
  const { loadOtherIssuers: load } = await import("./other-issuers.ts");
  return load(config, options);
}
