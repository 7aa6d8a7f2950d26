import * as z from "zod";
import { REFRESH_TOKEN_INVALID } from "../../events/event-facts.ts";
import type { ProviderAdapter } from "./provider-adapter.ts";
import {
  optionalPart,
  optionalText,
  optionalTime,
  PROVIDER_EVENT_TYPES,
  type ProviderEvent,
} from "./provider-event.ts";

/** The `Source` on the bus for events from a Keycloak event listener. */
export const KEYCLOAK_SOURCE = "oauth.keycloak";

/**
 * Keycloak events in the JSON format of `org.keycloak.events.Event` and `org.keycloak.events.admin.AdminEvent`, as sent
 * by event listeners.
 * https://www.keycloak.org/docs-api/latest/javadocs/org/keycloak/events/Event.html
 * https://www.keycloak.org/docs-api/latest/javadocs/org/keycloak/events/EventType.html
 * https://www.keycloak.org/docs-api/latest/javadocs/org/keycloak/events/admin/AdminEvent.html
 *
 * Webhooks from the Phase Two extension use one format for both: `uid`, types such as `access.LOGIN` and
 * `admin.USER-CREATE`, and `authDetails` even for user events.
 * https://github.com/p2-inc/keycloak-events
 */
const detailSchema = z
  .looseObject({
    /** Missing in older versions. */
    id: optionalText,
    uid: optionalText,
    time: optionalTime,
    error: optionalText,
    // A user's event.
    type: optionalText,
    clientId: optionalText,
    userId: optionalText,
    sessionId: optionalText,
    ipAddress: optionalText,
    details: optionalPart({
      username: optionalText,
      redirect_uri: optionalText,
      reason: optionalText,
    }),
    // An administrator's event.
    operationType: optionalText,
    resourceType: optionalText,
    resourceTypeAsString: optionalText,
    resourcePath: optionalText,
    authDetails: optionalPart({
      clientId: optionalText,
      userId: optionalText,
      username: optionalText,
      sessionId: optionalText,
      ipAddress: optionalText,
    }),
    representation: z.unknown().optional(),
  })
  .catch({});

type Detail = z.output<typeof detailSchema>;

/** Event types by Keycloak type. For most types, the `…_ERROR` variant becomes `auth_failed`. */
const TYPES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    LOGIN: "session_started",
    IDENTITY_PROVIDER_LOGIN: "session_started",
    LOGOUT: "session_ended",
    CLIENT_LOGIN: "token_issued",
    CODE_TO_TOKEN: "token_issued",
    OAUTH2_DEVICE_CODE_TO_TOKEN: "token_issued",
    REFRESH_TOKEN: "token_issued",
    TOKEN_EXCHANGE: "token_issued",
    AUTHREQID_TO_TOKEN: "token_issued",
    REVOKE_GRANT: "token_revoked",
    GRANT_CONSENT: PROVIDER_EVENT_TYPES.consent,
    UPDATE_CONSENT: PROVIDER_EVENT_TYPES.consent,
    CLIENT_REGISTER: PROVIDER_EVENT_TYPES.admin,
    CLIENT_UPDATE: PROVIDER_EVENT_TYPES.admin,
    CLIENT_DELETE: PROVIDER_EVENT_TYPES.admin,
    USER_DISABLED_BY_PERMANENT_LOCKOUT: "suspicious_activity",
    USER_DISABLED_BY_TEMPORARY_LOCKOUT: "suspicious_activity",
  }),
);

/** Types whose errors aren't about the caller's credentials. */
const NOT_AUTHENTICATION: ReadonlySet<string> = new Set(["LOGOUT", "REVOKE_GRANT"]);

function getType(type: string): string | undefined {
  if (!type.endsWith("_ERROR")) return TYPES.get(type);
  const attempted = type.slice(0, -"_ERROR".length);
  if (NOT_AUTHENTICATION.has(attempted)) return undefined;
  const succeeded = TYPES.get(attempted);
  if (succeeded === PROVIDER_EVENT_TYPES.admin) return succeeded;
  return succeeded && "auth_failed";
}

/** Returns why a refresh token was rejected: it was reused, or it's invalid. */
function refreshReason({ error, details }: Detail, type: string): string | undefined {
  if (type !== "REFRESH_TOKEN_ERROR" || error !== "invalid_token") return undefined;
  const reused = /stale|reuse/i.test(details?.reason ?? "");
  return reused ? "refresh_token_reused" : REFRESH_TOKEN_INVALID;
}

/** Prefix of a user event's type in a webhook. */
const USER_PREFIX = /^access\./;

function userEvent(event: Detail): ProviderEvent {
  const { authDetails, details } = event;
  const type = (event.type ?? "").replace(USER_PREFIX, "");
  return {
    code: type || undefined,
    eventType: getType(type),
    outcome:
      event.error || type.endsWith("_ERROR") ? "failure" : event.type ? "success" : undefined,
    clientId: event.clientId ?? authDetails?.clientId,
    userId: event.userId ?? authDetails?.userId ?? details?.username ?? authDetails?.username,
    sessionId: event.sessionId ?? authDetails?.sessionId,
    ip: event.ipAddress ?? authDetails?.ipAddress,
    endpoint: details?.redirect_uri,
    reason: refreshReason(event, type) ?? event.error,
    message: details?.reason,
  };
}

/** Returns a representation's member names. The values are left out because any of them may be a secret. */
function namesIn(representation: unknown): readonly string[] {
  try {
    const parsed = typeof representation === "string" ? JSON.parse(representation) : representation;
    return Object.keys(Array.isArray(parsed) ? (parsed[0] ?? {}) : (parsed ?? {}));
  } catch {
    return [];
  }
}

/** Admin API paths that end sessions: a user's sessions, one session, or all sessions. */
const LOGOUT = /^(users\/[^/]+\/logout|sessions\/[^/]+|logout-all)$/;
/** Admin API path for a client's secret. Keycloak reports an event when the secret is regenerated. */
const SECRET = /\/client-secret(\/|$)/;

function adminEvent(event: Detail, detail: object): ProviderEvent {
  const { authDetails, operationType, resourcePath, representation } = event;
  const resource = event.resourceType ?? event.resourceTypeAsString ?? "resource";
  const failed = event.error !== undefined;
  const loggedOut = !failed && LOGOUT.test(resourcePath ?? "");
  return {
    code: `admin.${resource}.${operationType}`,
    eventType: loggedOut ? "session_ended" : PROVIDER_EVENT_TYPES.admin,
    outcome: failed ? "failure" : "success",
    reason: event.error ?? (SECRET.test(resourcePath ?? "") ? "secret_changed" : undefined),
    clientId: authDetails?.clientId,
    userId: authDetails?.userId,
    ip: authDetails?.ipAddress,
    endpoint: resourcePath,
    ...(representation !== undefined &&
      representation !== null && {
        original: { ...detail, representation: { members: namesIn(representation) } },
      }),
  };
}

export const keycloak: ProviderAdapter = {
  name: "keycloak",
  serves: ({ source }) => source === KEYCLOAK_SOURCE,
  read: ({ detail }) => {
    const event = detailSchema.parse(detail);
    const own = event.operationType ? adminEvent(event, detail as object) : userEvent(event);
    return {
      ...own,
      id: event.id ?? event.uid,
      occurredAt: event.time,
    };
  },
};
