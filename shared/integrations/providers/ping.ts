import * as z from "zod";
import type { ProviderAdapter } from "./provider-adapter.ts";
import {
  optionalPart,
  optionalText,
  optionalTime,
  PROVIDER_EVENT_TYPES,
} from "./provider-event.ts";

/** The `Source` on the bus for PingOne activities. */
export const PING_SOURCE = "oauth.ping";

const activity = {
  id: optionalText,
  recordedAt: optionalTime,
  createdAt: optionalTime,
  action: optionalPart({ type: optionalText, description: optionalText }),
  actors: optionalPart({
    client: optionalPart({ id: optionalText }),
    user: optionalPart({ id: optionalText, name: optionalText }),
  }),
  source: optionalPart({ ipAddress: optionalText, userAgent: optionalText }),
  session: optionalPart({ id: optionalText }),
  result: optionalPart({ status: optionalText, description: optionalText }),
};

/**
 * PingOne activities in the webhook format `ACTIVITY`: a single activity, alone or in a list of one.
 * https://developer.pingidentity.com/pingone-api/platform/audit-activities.html
 */
const detailSchema = z
  .preprocess(
    (detail) => (Array.isArray(detail) && detail.length === 1 ? detail[0] : detail),
    z.looseObject(activity),
  )
  .catch({});

/** Event types by PingOne action type. */
const ACTIONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "SESSION.CREATED": "session_started",
    "RADIUS_SESSION.CREATED": "session_started",
    "SESSION.DELETED": "session_ended",
    "ASSERTION.CHECK_FAILED": "auth_failed",
    "DEVICE_PAYLOAD.CHECK_INVALID": "auth_failed",
    "OTP.CHECK_FAILED": "auth_failed",
    "OTP.CHECK_INVALID": "auth_failed",
    "PASSWORD.CHECK_FAILED": "auth_failed",
    "USER.ACCESS_DENIED": "auth_failed",
    "USER.KERBEROS_FAILED": "auth_failed",
    "DEVICE.FRAUD_REPORTED": "suspicious_activity",
    "DEVICE.PAIRING_FAILED_COMPROMISED": "suspicious_activity",
    "NOTIFICATION.REJECTED": "suspicious_activity",
    "USER.LOCKED": "suspicious_activity",
    "OAUTH_CONSENT.ACCEPTED": PROVIDER_EVENT_TYPES.consent,
    "OAUTH_CONSENT.DELETED": PROVIDER_EVENT_TYPES.consentRevoked,
    "OAUTH_CONSENT.REVOKED": PROVIDER_EVENT_TYPES.consentRevoked,
  }),
);

/** Reasons implied by an action type. */
const REASONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "PASSWORD.CHECK_FAILED": "wrong_password",
    "OTP.CHECK_FAILED": "mfa_failed",
    "OTP.CHECK_INVALID": "mfa_failed",
    "USER.ACCESS_DENIED": "access_denied",
    "NOTIFICATION.REJECTED": "mfa_rejected",
    "SECRET.READ": "secret_read",
    "SECRET.UPDATED": "secret_changed",
  }),
);

/** Resources whose failed actions become `auth_failed`. */
const AUTHENTICATIONS: ReadonlySet<string> = new Set([
  "ASSERTION",
  "AUTHENTICATION",
  "OTP",
  "PASSWORD",
  "RADIUS_SESSION",
  "SESSION",
]);

/** Resources that only administrators change. */
const ADMINISTERED: ReadonlySet<string> = new Set([
  "ACTION",
  "ADMIN_CONFIGURATION",
  "API_SERVER",
  "APPLICATION",
  "APPLICATION_PERMISSION",
  "APPLICATION_ROLE",
  "APPLICATION_ROLE_ENTRY",
  "AUTHORIZE_ATTRIBUTE",
  "AUTHORIZE_CONDITION",
  "AUTHORIZE_POLICY",
  "AUTHORIZE_PROCESSOR",
  "AUTHORIZE_SERVICE",
  "AUTHORIZE_SHARED_ADVICE",
  "AUTHORIZE_SHARED_RULE",
  "CERTIFICATE",
  "CUSTOM_DOMAIN",
  "DEVICE_AUTHENTICATION_POLICY",
  "EMAIL_DOMAIN",
  "ENVIRONMENT",
  "FIDO_POLICY",
  "FLOW",
  "FLOW_DEFINITION",
  "FLOW_POLICY_ASSIGNMENT",
  "GATEWAY",
  "GRANT",
  "IDENTITY_PROVIDER",
  "IDP_ATTRIBUTE",
  "KEY",
  "KRP",
  "MFA_SETTINGS",
  "NOTIFICATION_POLICY",
  "ORGANIZATION",
  "POLICY",
  "POPULATION",
  "PUSH_CREDENTIALS",
  "RESOURCE",
  "RESOURCE_ATTRIBUTE",
  "RISK_POLICY_SET",
  "RISK_PREDICTOR",
  "ROLE_ASSIGNMENT",
  "SAML_ATTRIBUTE",
  "SCHEMA_ATTRIBUTE",
  "SCOPE",
  "SECRET",
  "SETTINGS",
  "SIGN_ON_POLICY_ASSIGNMENT",
  "SUBSCRIPTION",
  "VERIFY_POLICY",
]);

/** Event types that don't depend on the action's result. */
const RESULT_INDEPENDENT: ReadonlySet<string | undefined> = new Set([
  "auth_failed",
  "suspicious_activity",
]);

function getType(action: string, failed: boolean): string | undefined {
  const type = ACTIONS.get(action);
  const [resource = ""] = action.split(".");
  if (ADMINISTERED.has(resource)) return PROVIDER_EVENT_TYPES.admin;
  if (!failed || RESULT_INDEPENDENT.has(type)) return type;
  return AUTHENTICATIONS.has(resource) && type !== "session_ended" ? "auth_failed" : undefined;
}

export const ping: ProviderAdapter = {
  name: "ping",
  serves: ({ source }) => source === PING_SOURCE,
  read: ({ detail }) => {
    const { id, recordedAt, createdAt, action, actors, source, session, result } =
      detailSchema.parse(detail);
    const code = action?.type ?? "";
    const failed = result?.status !== undefined && result.status.toUpperCase() !== "SUCCESS";
    const eventType = getType(code, failed);
    return {
      id,
      code: action?.type,
      occurredAt: recordedAt ?? createdAt,
      eventType,
      outcome:
        failed || eventType === "auth_failed"
          ? "failure"
          : result?.status === undefined
            ? undefined
            : "success",
      reason: REASONS.get(code) ?? (failed ? result?.description : undefined),
      clientId: actors?.client?.id,
      userId: actors?.user?.id ?? actors?.user?.name,
      sessionId: session?.id,
      ip: source?.ipAddress,
      userAgent: source?.userAgent,
      message: result?.description ?? action?.description,
    };
  },
};
