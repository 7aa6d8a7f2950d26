import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { mfaFatigue, successAfterFailures } from "./account-takeover.ts";
import { adminChange, registrationSpike } from "./administration.ts";
import type { AnomalyRule, FoundAnomaly } from "./anomaly-rule.ts";
import { anonymisingProxy } from "./anonymising-proxy.ts";
import {
  deadTokens,
  failureBurst,
  failureRate,
  networkGuessing,
  persistentFailures,
} from "./credential-guesses.ts";
import { credentialReuse } from "./credential-reuse.ts";
import { describeCustomRule, findByCustomRule } from "./custom-rule.ts";
import type { DetectionSnapshot } from "./detection-snapshot.ts";
import { dormantToken, idleClient } from "./dormant-access.ts";
import { endedAccess, revokedToken } from "./ended-access.ts";
import { impossibleTravel } from "./impossible-travel.ts";
import { issuanceRate } from "./issuance-rate.ts";
import { newNetwork } from "./new-network.ts";
import { outage } from "./outage.ts";
import { consentPhishing, devicePhishing } from "./phishing.ts";
import { mergeRaised } from "./risk.ts";
import { scopeProbing } from "./scope-probing.ts";
import { scraping } from "./scraping.ts";
import { foreignSessions, sessionsApart } from "./sessions.ts";
import { tokenTheft } from "./token-theft.ts";
import { unusualHoursOfUser } from "./unusual-hours.ts";

type Rules = AnomaliesConfig["rules"];

/** All built-in rules, by their names in the configuration. */
export const ANOMALY_RULES: { readonly [Name in keyof Rules]: AnomalyRule<Rules[Name]> } = {
  token_theft: tokenTheft,
  sessions_apart: sessionsApart,
  foreign_sessions: foreignSessions,
  success_after_failures: successAfterFailures,
  mfa_fatigue: mfaFatigue,
  failure_burst: failureBurst,
  network_guessing: networkGuessing,
  failure_rate: failureRate,
  persistent_failures: persistentFailures,
  dead_tokens: deadTokens,
  revoked_token: revokedToken,
  ended_access: endedAccess,
  credential_reuse: credentialReuse,
  scope_probing: scopeProbing,
  scraping,
  new_network: newNetwork,
  issuance_rate: issuanceRate,
  dormant_token: dormantToken,
  idle_client: idleClient,
  consent_phishing: consentPhishing,
  device_phishing: devicePhishing,
  impossible_travel: impossibleTravel,
  anonymising_proxy: anonymisingProxy,
  registration_spike: registrationSpike,
  admin_change: adminChange,
  outage,
  unusual_hours: unusualHoursOfUser,
};

/**
 * Returns the anomalies from all enabled rules and custom rules that are worth an alert: notices, and anomalies with a
 * high enough score, either alone or with support from other rules.
 */
export function findAnomalies(
  snapshot: DetectionSnapshot,
  rules: Rules,
  custom: AnomaliesConfig["custom"] = [],
): FoundAnomaly[] {
  const names = Object.keys(ANOMALY_RULES) as (keyof Rules)[];
  const own = custom
    .filter(({ enabled }) => enabled)
    .flatMap((declared) => {
      const rule = describeCustomRule(declared);
      return findByCustomRule(declared, snapshot, snapshot.nowMs).map((anomaly) => ({
        ...anomaly,
        rule,
      }));
    });
  const found = names.flatMap((name) => {
    const rule = ANOMALY_RULES[name] as AnomalyRule<Rules[keyof Rules]>;
    if (!rules[name].enabled) return [];
    return rule.find(snapshot, rules[name]).map((anomaly) => ({ ...anomaly, rule }));
  });
  return mergeRaised([...found, ...own]);
}
