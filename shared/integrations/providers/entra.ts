import * as z from "zod";
import { REFRESH_TOKEN_INVALID } from "../../events/event-facts.ts";
import type { ProviderAdapter } from "./provider-adapter.ts";
import {
  optionalCode,
  optionalPart,
  optionalText,
  optionalTime,
  PROVIDER_EVENT_TYPES,
  type ProviderEvent,
} from "./provider-event.ts";

/** The `Source` on the bus for Microsoft Entra ID's log records. */
export const ENTRA_SOURCE = "oauth.entra";

/** A log record that Microsoft Entra ID's diagnostic settings export. */
const recordSchema = z.looseObject({
  time: optionalTime,
  category: optionalText,
  resourceId: optionalText,
  operationName: optionalText,
  resultType: optionalCode,
  resultDescription: optionalText,
  callerIpAddress: optionalText,
  /** Country code. */
  location: optionalText,
  properties: optionalPart({
    id: optionalText,
    ipAddress: optionalText,
    // A sign-in.
    createdDateTime: optionalTime,
    appId: optionalText,
    userId: optionalText,
    userPrincipalName: optionalText,
    sessionId: optionalText,
    userAgent: optionalText,
    autonomousSystemNumber: z.unknown().optional(),
    location: optionalPart({ geoCoordinates: optionalPart({}) }),
    status: optionalPart({ errorCode: optionalCode, failureReason: optionalText }),
    // An audit log.
    activityDateTime: optionalTime,
    activityDisplayName: optionalText,
    result: optionalText,
    resultReason: optionalText,
    initiatedBy: optionalPart({
      user: optionalPart({
        id: optionalText,
        userPrincipalName: optionalText,
        ipAddress: optionalText,
      }),
      app: optionalPart({ appId: optionalText, servicePrincipalId: optionalText }),
    }),
    // A risk.
    riskEventType: optionalText,
    riskDetail: optionalText,
  }),
});

type LogRecord = z.output<typeof recordSchema>;

/** The format in which diagnostic settings send records to an event hub. */
const batchSchema = z.looseObject({ records: z.array(z.unknown()) });

const parseRecords = (detail: unknown) => batchSchema.safeParse(detail).data?.records;

/** Returns the record from a batch of one. Returns any other detail unchanged. */
function unwrapped(detail: unknown): unknown {
  const records = parseRecords(detail);
  return records?.length === 1 ? records[0] : detail;
}

/**
 * A sign-in or audit entry without an enclosing record, as returned by Microsoft Graph and the admin center's download.
 */
const bareSchema = z.looseObject({
  properties: z.undefined().optional(),
  appId: optionalText,
  createdDateTime: optionalText,
  activityDateTime: optionalText,
  signInEventTypes: z.array(z.string()).catch([]),
});

/** Categories for sign-ins that aren't interactive, by their name in Microsoft Graph. */
const CATEGORIES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    nonInteractiveUser: "NonInteractiveUserSignInLogs",
    servicePrincipal: "ServicePrincipalSignInLogs",
    managedIdentity: "ManagedIdentitySignInLogs",
  }),
);

/** Returns a detail as an event hub record. Wraps a sign-in or audit entry that has no enclosing record. */
function parseRecord(detail: unknown): unknown {
  const record = unwrapped(detail);
  const bare = bareSchema.safeParse(record).data;
  if (bare?.activityDateTime) return { category: "AuditLogs", properties: bare };
  if (!(bare?.createdDateTime && bare.appId)) return record;
  const category = CATEGORIES.get(bare.signInEventTypes[0] ?? "") ?? "SignInLogs";
  return { category, properties: bare };
}

/**
 * Microsoft Entra ID log records, as sent to an event hub by diagnostic settings: one record, alone or in `records`.
 * Also accepts the format of Microsoft Graph.
 * https://learn.microsoft.com/entra/identity/monitoring-health/concept-activity-log-schemas
 * https://learn.microsoft.com/azure/azure-monitor/reference/tables/signinlogs
 */
const detailSchema = z.preprocess(parseRecord, recordSchema).catch({});

/** Event types for successful sign-ins, by category. Application sign-ins and refreshes issue tokens. */
const SIGN_INS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    SignInLogs: "session_started",
    ADFSSignInLogs: "session_started",
    NonInteractiveUserSignInLogs: "token_issued",
    ServicePrincipalSignInLogs: "token_issued",
    ManagedIdentitySignInLogs: "token_issued",
    MicrosoftServicePrincipalSignInLogs: "token_issued",
  }),
);

/** Categories for risks that Microsoft detects. */
const RISKS: ReadonlySet<string> = new Set(["UserRiskEvents", "ServicePrincipalRiskEvents"]);

/** The risk type for an address that hides its caller: an anonymizing proxy or VPN, or Tor. */
const ANONYMOUS = "anonymizedIPAddress";

/**
 * Codes for intermediate sign-in steps, such as the "stay signed in?" prompt. They are neither a success nor a failure.
 * https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 */
const INTERRUPTS: ReadonlySet<string> = new Set([
  "16000",
  "16001",
  "16003",
  "50058",
  "50072",
  "50074",
  "50076",
  "50079",
  "50097",
  "50125",
  "50129",
  "50140",
  "51006",
  "65001",
]);

/** Reasons implied by an error code. */
const REASONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    50034: "unknown_user",
    50053: "locked",
    50056: "wrong_password",
    50057: "user_disabled",
    50126: "wrong_password",
    50173: REFRESH_TOKEN_INVALID,
    53003: "access_denied",
    500121: "mfa_failed",
    700082: REFRESH_TOKEN_INVALID,
    700084: REFRESH_TOKEN_INVALID,
    700016: "invalid_client",
    7000215: "invalid_client",
    7000222: "invalid_client",
  }),
);

/** Operations that add a secret or certificate to an application. */
const SECRET = /credential|secret/i;

/** Categories that some exports use for audit records instead of `AuditLogs`. */
const AUDITED = /Management$|^(?:Authentication|Authorization|Policy|KerberosDomain|Device|Other)/;

/** How Entra ID's own `resourceId` ends. Other services may send logs to the same event hub. */
const ENTRA_RESOURCE = /\/providers\/Microsoft\.aadiam$/i;

function isAudit({ category = "", resourceId = "" }: LogRecord): boolean {
  return category === "AuditLogs" || (ENTRA_RESOURCE.test(resourceId) && AUDITED.test(category));
}

/** Event types by audit log operation. All other operations become `admin_activity`. */
const OPERATIONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "Consent to application": PROVIDER_EVENT_TYPES.consent,
    "Add delegated permission grant": PROVIDER_EVENT_TYPES.consent,
    "Add OAuth2PermissionGrant": PROVIDER_EVENT_TYPES.consent,
    "Remove delegated permission grant": PROVIDER_EVENT_TYPES.consentRevoked,
    "Remove OAuth2PermissionGrant": PROVIDER_EVENT_TYPES.consentRevoked,
    "Revoke consent": PROVIDER_EVENT_TYPES.consentRevoked,
    "Revoke user sign-in sessions": "token_revoked",
    "Update StsRefreshTokenValidFrom Timestamp": "token_revoked",
  }),
);

/** Normalizes a result code. Some senders write `success` instead of `0`. */
const toCode = (code: string | undefined) => (code?.toLowerCase() === "success" ? "0" : code);

function signIn(category: string, log: LogRecord): ProviderEvent {
  const { properties } = log;
  const code = toCode(properties?.status?.errorCode ?? log.resultType);
  const failed = code !== undefined && code !== "0" && !INTERRUPTS.has(code);
  const said = properties?.status?.failureReason ?? log.resultDescription;
  return {
    code: category,
    eventType: failed ? "auth_failed" : code === "0" ? SIGN_INS.get(category) : undefined,
    outcome: failed ? "failure" : code === "0" ? "success" : undefined,
    reason: failed ? (REASONS.get(code) ?? `error_${code}`) : undefined,
    clientId: properties?.appId,
    userId: properties?.userId ?? properties?.userPrincipalName,
    message: code === "0" ? undefined : said,
  };
}

function auditLog(log: LogRecord): ProviderEvent {
  const { properties } = log;
  const { user, app } = properties?.initiatedBy ?? {};
  const operation = properties?.activityDisplayName ?? log.operationName ?? "";
  const result = properties?.result?.toLowerCase();
  const failed = result === "failure";
  const type = OPERATIONS.get(operation);
  return {
    code: operation || "AuditLogs",
    // A failed operation neither granted nor revoked anything.
    eventType: type === undefined || failed ? PROVIDER_EVENT_TYPES.admin : type,
    outcome: failed ? "failure" : result === "success" ? "success" : undefined,
    reason: !failed && SECRET.test(operation) ? "secret_changed" : properties?.resultReason,
    clientId: app?.appId ?? app?.servicePrincipalId,
    userId: user?.id ?? user?.userPrincipalName,
    ip: user?.ipAddress,
    message: log.resultDescription,
  };
}

function other(log: LogRecord): ProviderEvent {
  const { category = "", properties } = log;
  const risk = RISKS.has(category);
  return {
    code: log.category ?? log.operationName,
    eventType: risk ? "suspicious_activity" : undefined,
    reason: risk ? properties?.riskEventType : undefined,
    clientId: properties?.appId,
    userId: properties?.userId ?? properties?.userPrincipalName,
    message: properties?.riskDetail ?? log.resultDescription,
  };
}

export const entra: ProviderAdapter = {
  name: "entra",
  serves: ({ source }) => source === ENTRA_SOURCE,
  batch: parseRecords,
  read: ({ detail }) => {
    const log = detailSchema.parse(detail);
    const { category = "", properties } = log;
    const event = SIGN_INS.has(category)
      ? signIn(category, log)
      : isAudit(log)
        ? auditLog(log)
        : other(log);
    return {
      ...event,
      id: properties?.id,
      occurredAt: properties?.createdDateTime ?? properties?.activityDateTime ?? log.time,
      sessionId: properties?.sessionId,
      ip: properties?.ipAddress ?? event.ip ?? log.callerIpAddress,
      enrichment: {
        country: properties?.location?.countryOrRegion ?? log.location,
        latitude: properties?.location?.geoCoordinates?.latitude,
        longitude: properties?.location?.geoCoordinates?.longitude,
        asn: properties?.autonomousSystemNumber,
        networkType: properties?.riskEventType === ANONYMOUS ? "proxy" : undefined,
      },
      userAgent: properties?.userAgent,
    };
  },
};
