import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import type { Anomaly, AnomalyRule } from "./anomaly-rule.ts";
import { credentialReuse } from "./credential-reuse.ts";
import type { DetectionSnapshot } from "./detection-snapshot.ts";
import { dormantToken } from "./dormant-token.ts";
import { failureBurst } from "./failure-burst.ts";
import { failureRate } from "./failure-rate.ts";
import { issuanceRate } from "./issuance-rate.ts";
import { newNetwork } from "./new-network.ts";
import { persistentFailures } from "./persistent-failures.ts";
import { revokedToken } from "./revoked-token.ts";
import { tokenNetworks } from "./token-networks.ts";

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
