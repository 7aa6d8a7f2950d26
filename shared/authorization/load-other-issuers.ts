import type { MonitoringConfig } from "../config/monitoring-config.ts";
import type { OtherIssuers, OtherIssuersOptions } from "./other-issuers.ts";

/**
 * What lets in the tokens of the configured issuers, for `AuthorizerContext.otherIssuers`. Their keys are fetched
 * before it resolves. Without issuers there is none, and no code for them is loaded.
 *
 * @param options.readSecret reads a secret. Default: from Secrets Manager
 * @param options.canGiveNonces whether callers can be told a DPoP nonce. Default: false
 */
export async function loadOtherIssuers(
  config: MonitoringConfig,
  options: OtherIssuersOptions,
): Promise<OtherIssuers | undefined> {
  if (config.issuers.length === 0) return undefined;
  const { createOtherIssuers } = await import("./create-other-issuers.ts");
  return createOtherIssuers(config, options);
}
