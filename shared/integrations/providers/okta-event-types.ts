import { PROVIDER_EVENT_TYPES } from "./provider-event.ts";

const { admin, consent, consentRevoked, limit } = PROVIDER_EVENT_TYPES;

/** The event types for success and failure. If undefined, the event type is derived from Okta's. */
interface Meaning {
  readonly succeeded?: string;
  readonly failed?: string;
  /** Whether Okta's event type alone means a denial, regardless of the outcome. */
  readonly isDenial?: true;
  readonly reason?: string;
}

const AUTHENTICATION: Meaning = { failed: "auth_failed" };
const EXCHANGE: Meaning = { succeeded: "token_issued", failed: "auth_failed" };
const REVOCATION: Meaning = { succeeded: "token_revoked" };
const SESSION_END: Meaning = { succeeded: "session_ended" };
const SUSPICIOUS: Meaning = { succeeded: "suspicious_activity", failed: "suspicious_activity" };
const ADMINISTRATION: Meaning = { succeeded: admin, failed: admin };
const LIMIT: Meaning = { succeeded: limit, failed: limit };
const OWN: Meaning = {};
const DENIAL = (reason?: string): Meaning => ({
  succeeded: "auth_failed",
  failed: "auth_failed",
  isDenial: true,
  ...(reason && { reason }),
});

/**
 * Meanings by Okta event type, or by prefix that ends at a dot. The longest match applies.
 * https://developer.okta.com/docs/reference/api/event-types/
 */
const FAMILIES: ReadonlyMap<string, Meaning> = new Map(
  Object.entries<Meaning>({
    // Sessions.
    "user.session.start": { succeeded: "session_started", failed: "auth_failed" },
    "user.session.end": SESSION_END,
    "user.session.clear": SESSION_END,
    "user.session.expire": SESSION_END,
    "user.authentication.slo": SESSION_END,
    "user.authentication.universal_logout": SESSION_END,
    "user.authentication.universal_logout.scheduled": OWN,
    "user.session.impersonation": ADMINISTRATION,
    "user.session.access_admin_app": ADMINISTRATION,
    "user.session.context.change": SUSPICIOUS,
    // Authentication.
    "user.authentication": AUTHENTICATION,
    "user.mfa.attempt_bypass": SUSPICIOUS,
    "user.mfa.okta_verify.deny_push": DENIAL("mfa_rejected"),
    "user.mfa.okta_verify.deny_push_upgrade_needed": DENIAL("mfa_rejected"),
    "app.generic.unauth_app_access_attempt": DENIAL(),
    "application.policy.sign_on.deny_access": DENIAL(),
    // Tokens. Each exchange emits one event per token. Only the access token's event counts.
    "app.oauth2.authorize": AUTHENTICATION,
    "app.oauth2.as.authorize": AUTHENTICATION,
    "app.oauth2.authorize.implicit.access_token": EXCHANGE,
    "app.oauth2.as.authorize.implicit.access_token": EXCHANGE,
    "app.oauth2.as.authorize.scope_denied": DENIAL("scope_denied"),
    "app.oauth2.signon": AUTHENTICATION,
    "app.oauth2.interact": AUTHENTICATION,
    "app.oauth2.as.interact": AUTHENTICATION,
    "app.oauth2.invalid_client_credentials": DENIAL("invalid_client"),
    "app.oauth2.token.grant": AUTHENTICATION,
    "app.oauth2.as.token.grant": AUTHENTICATION,
    "app.oauth2.token.grant.access_token": EXCHANGE,
    "app.oauth2.as.token.grant.access_token": EXCHANGE,
    "app.oauth2.token.revoke": REVOCATION,
    "app.oauth2.as.token.revoke": REVOCATION,
    // Reuse of a rotated refresh token counts as a denial, because detection looks for denials.
    "app.oauth2.token.detect_reuse": DENIAL("refresh_token_reused"),
    "app.oauth2.as.token.detect_reuse": DENIAL("refresh_token_reused"),
    // Consent.
    "app.oauth2.consent.grant": { succeeded: consent },
    "app.oauth2.as.consent.grant": { succeeded: consent },
    "app.oauth2.admin.consent.grant": { succeeded: consent },
    "app.oauth2.as.consent.revoke": { succeeded: consentRevoked },
    "app.oauth2.admin.consent.revoke": { succeeded: consentRevoked },
    // Attack protection.
    "security.attack.start": SUSPICIOUS,
    "security.threat.detected": SUSPICIOUS,
    "security.breached_credential": SUSPICIOUS,
    "security.request.blocked": SUSPICIOUS,
    "security.session.detect_client_roaming": SUSPICIOUS,
    "user.account.lock": SUSPICIOUS,
    "user.account.report_suspicious_activity_by_enduser": SUSPICIOUS,
    "user.risk.detect": SUSPICIOUS,
    // Limits.
    "app.oauth2.client_id_rate_limit_warning": LIMIT,
    "core.concurrency": LIMIT,
    "system.client.rate_limit": LIMIT,
    "system.client.concurrency_rate_limit": LIMIT,
    "system.operation": LIMIT,
    "system.org.rate_limit": LIMIT,
    // Administration of clients, authorization servers, keys and tokens.
    "app.oauth2.client": ADMINISTRATION,
    "app.oauth2.client.read_client_secret": { ...ADMINISTRATION, reason: "secret_read" },
    "app.oauth2.credentials": ADMINISTRATION,
    "app.oauth2.key": ADMINISTRATION,
    "app.oauth2.as.key": ADMINISTRATION,
    "app.oauth2.api_resource": ADMINISTRATION,
    "app.oauth2.trusted_server": ADMINISTRATION,
    "app.keys": ADMINISTRATION,
    oauth2: ADMINISTRATION,
    "system.api_token": ADMINISTRATION,
    // Administration of applications, policies and protection.
    "application.configuration": ADMINISTRATION,
    "application.lifecycle": ADMINISTRATION,
    "application.integration": ADMINISTRATION,
    "application.policy": ADMINISTRATION,
    "integration.api_service": ADMINISTRATION,
    "policy.lifecycle": ADMINISTRATION,
    "policy.rule": ADMINISTRATION,
    "security.attack_protection": ADMINISTRATION,
    "security.authenticator": ADMINISTRATION,
    "security.behavior": ADMINISTRATION,
    "security.device": ADMINISTRATION,
    "security.events.provider": ADMINISTRATION,
    "security.events.provider.receive_event": OWN,
    "security.events.transmitter": ADMINISTRATION,
    "security.threat.configuration": ADMINISTRATION,
    "security.trusted_origin": ADMINISTRATION,
    "security.voice": ADMINISTRATION,
    "security.zone": ADMINISTRATION,
    zone: ADMINISTRATION,
    "system.captcha": ADMINISTRATION,
    "system.custom_url_domain": ADMINISTRATION,
    "system.feature": ADMINISTRATION,
    "system.hook": ADMINISTRATION,
    "system.idp": ADMINISTRATION,
    "system.log_stream": ADMINISTRATION,
    "system.mfa.factor": ADMINISTRATION,
    "system.rate_limit": ADMINISTRATION,
    // Administration of permissions.
    "account.org": ADMINISTRATION,
    "group.privilege": ADMINISTRATION,
    iam: ADMINISTRATION,
    "support.org": ADMINISTRATION,
    "user.account.privilege": ADMINISTRATION,
  }),
);

/** Returns the meaning from the longest match in `FAMILIES`. Empty if nothing matches. */
function getMeaning(eventType: string): Meaning {
  let family = eventType;
  while (family !== "") {
    const meaning = FAMILIES.get(family);
    if (meaning) return meaning;
    family = family.slice(0, Math.max(0, family.lastIndexOf(".")));
  }
  return OWN;
}

/** Okta results that mean a denial. */
const FAILED: ReadonlySet<string | undefined> = new Set(["FAILURE", "DENY"]);
const SUCCEEDED: ReadonlySet<string | undefined> = new Set(["SUCCESS", "ALLOW"]);

/**
 * Returns the event type, outcome and reason for an Okta event.
 *
 * @param result the event's `outcome.result`
 * @param reason the event's `outcome.reason`
 */
export function translate(
  eventType: string,
  result: string | undefined,
  reason: string | undefined,
): {
  readonly eventType: string | undefined;
  readonly outcome: "success" | "failure" | undefined;
  readonly reason: string | undefined;
} {
  const meaning = getMeaning(eventType);
  const failed = FAILED.has(result) || meaning.isDenial === true;
  return {
    eventType: failed ? meaning.failed : meaning.succeeded,
    outcome: failed ? "failure" : SUCCEEDED.has(result) ? "success" : undefined,
    reason: meaning.reason ?? reason,
  };
}
