import { HOUR_MS, MINUTE_MS } from "../../../shared/core/clock.ts";
import type { OAuthEvent } from "../../../shared/events/oauth-event.ts";
import type { CountRule } from "./run-detectors.ts";

const isFailure = ({ event_type }: OAuthEvent) => event_type === "auth_failed";
const getAddress = ({ event_data: { ip } }: OAuthEvent) =>
  typeof ip === "string" ? `ip ${ip}` : undefined;
const getUser = ({ user_id }: OAuthEvent) => (user_id ? `user ${user_id}` : undefined);

/**
 * Published rules for failed sign-ins, with their own thresholds. Here they run on denied calls, because the API sees
 * no sign-ins. Rules with fixed windows run with sliding windows here, which find slightly more.
 */
export const PUBLISHED_RULES: readonly CountRule[] = [
  {
    /** elastic/detection-rules, credential_access_okta_brute_force_or_password_spraying.toml; default look-back. */
    name: "Elastic: Okta Brute Force or Password Spraying Attack",
    windowMs: 6 * MINUTE_MS,
    threshold: 25,
    matches: isFailure,
    groupBy: getAddress,
  },
  {
    /** panther-labs/panther-analysis, rules/standard_rules/brute_force_by_ip.yml */
    name: "Panther: Brute Force By IP",
    windowMs: HOUR_MS,
    threshold: 20,
    matches: isFailure,
    groupBy: getAddress,
  },
  {
    /** panther-labs/panther-analysis, rules/standard_rules/brute_force_by_user.yml */
    name: "Panther: Brute Force By User",
    windowMs: HOUR_MS,
    threshold: 20,
    matches: isFailure,
    groupBy: getUser,
  },
  {
    /** Azure/Azure-Sentinel, Solutions/Okta Single Sign-On/Analytic Rules/PasswordSpray.yaml: more than 15 users. */
    name: "Sentinel: Potential Password Spray Attack",
    windowMs: 5 * MINUTE_MS,
    threshold: 16,
    matches: (event) => isFailure(event) && getUser(event) !== undefined,
    groupBy: getAddress,
    distinct: getUser,
  },
];
