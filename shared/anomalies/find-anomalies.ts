import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import type { Anomaly, AnomalyRule } from "./anomaly-rule.ts";
import type { DetectionSnapshot } from "./detection-snapshot.ts";
import { credentialReuse } from "./rules/credential-reuse.ts";
import { dormantToken } from "./rules/dormant-token.ts";
import { failureBurst } from "./rules/failure-burst.ts";
import { failureRate } from "./rules/failure-rate.ts";
import { issuanceRate } from "./rules/issuance-rate.ts";
import { newNetwork } from "./rules/new-network.ts";
import { persistentFailures } from "./rules/persistent-failures.ts";
import { revokedToken } from "./rules/revoked-token.ts";
import { tokenNetworks } from "./rules/token-networks.ts";

type Rules = AnomaliesConfig["rules"];

/** Every rule, under its name in the configuration. */
export const ANOMALY_RULES: { readonly [Name in keyof Rules]: AnomalyRule<Rules[Name]> } = {
  issuance_rate: issuanceRate,
  failure_rate: failureRate,
  failure_burst: failureBurst,
  persistent_failures: persistentFailures,
  token_networks: tokenNetworks,
  revoked_token: revokedToken,
  credential_reuse: credentialReuse,
  dormant_token: dormantToken,
  new_network: newNetwork,
};

/** An anomaly and the rule that found it. */
export interface FoundAnomaly extends Anomaly {
  readonly rule: AnomalyRule<never>;
}

/** What every enabled rule finds in a snapshot. */
export function findAnomalies(snapshot: DetectionSnapshot, rules: Rules): FoundAnomaly[] {
  const names = Object.keys(ANOMALY_RULES) as (keyof Rules)[];
  return names.flatMap((name) => {
    const rule = ANOMALY_RULES[name] as AnomalyRule<Rules[keyof Rules]>;
    if (!rules[name].enabled) return [];
    return rule.find(snapshot, rules[name]).map((anomaly) => ({ ...anomaly, rule }));
  });
}
