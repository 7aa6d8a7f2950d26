import { REFRESH_TOKEN_INVALID } from "../../events/event-facts.ts";
import { PROVIDER_EVENT_TYPES } from "./provider-event.ts";

/**
 * Event types by Auth0 log code. For any other code, the event type is derived from the code, such as `auth0_scp`.
 * https://github.com/auth0/auth0-log-schemas
 * https://auth0.com/docs/deploy-monitor/logs/log-event-type-codes
 */
const CODES: Readonly<Record<string, readonly string[]>> = {
  session_started: [
    "s", // login
    "ssa", // silent authentication
    "sdel", // delegated login
    "sdelsa", // delegated silent authentication
  ],
  session_ended: ["slo", "universal_logout_succeeded"],
  token_issued: [
    "seacft", // authorization code
    "seccft", // client credentials
    "secte", // custom token exchange
    "sede", // device code
    "sdeleacft", // delegated authorization code
    "sens", // native social login
    "seoobft", // password and out-of-band challenge
    "seotpft", // password and one-time password
    "sepft", // password
    "sepkoobft", // passkey and out-of-band challenge
    "sepkotpft", // passkey and one-time password
    "sepkrcft", // passkey and recovery code
    "sercft", // password and recovery code
    "sertft", // refresh token, also for the web session of a native app
    "seta", // token vault
    "sd", // delegation
    "ciba_exchange_succeeded",
    "idjag_exchange_succeeded",
    "success_on_behalf_of_token_exchange",
  ],
  token_revoked: [
    "srrt",
    "resource_cleanup", // refresh tokens above the maximum number
  ],
  auth_failed: [
    // Logins.
    "f",
    "fc",
    "fco",
    "fcoa",
    "fdelsa",
    "fp",
    "fsa",
    "fu",
    // Second factors and passkeys.
    "gd_auth_failed",
    "gd_auth_rejected",
    "gd_recovery_failed",
    "gd_webauthn_challenge_failed",
    "passkey_challenge_failed",
    // Authorization requests: device, pushed, back-channel.
    "fdeac",
    "fdeaz",
    "fdecc",
    "fpar",
    "ciba_start_failed",
    "rich_consents_access_error",
    // Exchanges.
    "fd",
    "fdeleacft",
    "feacft",
    "feccft",
    "fecte",
    "fede",
    "fens",
    "feoobft",
    "feotpft",
    "fepft",
    "fepkoobft",
    "fepkotpft",
    "fepkrcft",
    "fepotpft",
    "fercft",
    "ferrt",
    "fertft",
    "feta",
    "ciba_exchange_failed",
    "idjag_exchange_failed",
    "jwt_bearer_exchange_failed",
    "failed_on_behalf_of_token_exchange",
  ],
  suspicious_activity: [
    "limit_delegation",
    "limit_mu",
    "limit_phone",
    "limit_sul",
    "limit_wc",
    "pwd_leak",
    "reset_pwd_leak",
    "signup_pwd_leak",
    "gd_otp_rate_limit_exceed",
  ],
  [PROVIDER_EVENT_TYPES.limit]: ["api_limit", "api_limit_warning", "appi", "elevated_rate_limit"],
  [PROVIDER_EVENT_TYPES.admin]: [
    "sapi",
    "fapi",
    "mgmt_api_read",
    "gd_tenant_update",
    "organization_member_added",
    "kms_key_management_failure",
    "kms_key_management_success",
    "kms_key_state_changed",
    "ss_sso_failure",
    "ss_sso_info",
    "ss_sso_success",
    "custom_domain_verification_failed",
    "directory_sync_completed",
    "directory_sync_failed",
    "directory_sync_started",
    "sscim",
    "fscim",
    "sui",
    "fui",
    "sdu",
    "fdu",
    "fcpro",
    "ublkdu",
  ],
};

const TYPES: ReadonlyMap<string, string> = new Map(
  Object.entries(CODES).flatMap(([type, codes]) => codes.map((code) => [code, type] as const)),
);

/** Reasons implied by a code. */
const REASONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    fp: "wrong_password",
    fu: "unknown_user",
    fdecc: "access_denied",
    gd_auth_failed: "mfa_failed",
    gd_auth_rejected: "mfa_rejected",
    gd_recovery_failed: "mfa_failed",
    gd_webauthn_challenge_failed: "mfa_failed",
    mgmt_api_read: "secret_read",
    pwd_leak: "breached_password",
    reset_pwd_leak: "breached_password",
    signup_pwd_leak: "breached_password",
    api_limit_warning: "limit_near",
  }),
);

/** Administration codes for a failure. */
const FAILED_CODE = /fail|^f[a-z]{1,8}$/;
/** Codes that are neither a success nor a failure. */
const NEITHER: ReadonlySet<string> = new Set([
  "api_limit_warning",
  "appi",
  "elevated_rate_limit",
  "directory_sync_started",
  "kms_key_state_changed",
  "ss_sso_info",
]);

/**
 * Failed refresh token exchanges. `ferrt` is about rotated tokens. Only the description reveals whether the token was
 * reused.
 */
const REFRESHES: ReadonlySet<string> = new Set(["ferrt", "fertft"]);

/** Returns why a refresh token was rejected, if the code or description says so. */
function refreshReason(code: string, description = ""): string | undefined {
  if (!REFRESHES.has(code)) return undefined;
  if (code === "ferrt" && /\bre-?us(e|ing)/i.test(description)) return "refresh_token_reused";
  return /\b(invalid|expired|revoked)\b/i.test(description) ? REFRESH_TOKEN_INVALID : undefined;
}

/** Returns the event type, outcome and reason for an Auth0 code. Empty if the event type is derived from the code. */
export function getMeaning(
  code: string,
  description: string | undefined,
): {
  readonly eventType?: string;
  readonly outcome?: "success" | "failure";
  readonly reason?: string | undefined;
} {
  const eventType = TYPES.get(code);
  if (eventType === undefined) return {};
  const failed = eventType === "auth_failed" || code === "api_limit" || FAILED_CODE.test(code);
  return {
    eventType,
    ...(!NEITHER.has(code) && { outcome: failed ? "failure" : "success" }),
    reason:
      refreshReason(code, description) ?? REASONS.get(code) ?? (failed ? description : undefined),
  };
}
