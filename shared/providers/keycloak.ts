import * as z from "zod";
import { optionalText, type ProviderAdapter } from "./provider-adapter.ts";

/** The `Source` of the events that a Keycloak event listener puts on the bus. */
export const KEYCLOAK_SOURCE = "oauth.keycloak";

/**
 * Keycloak's events in the JSON form of `org.keycloak.events.Event`, as event listeners send them.
 * https://www.keycloak.org/docs-api/latest/javadocs/org/keycloak/events/Event.html
 * https://www.keycloak.org/docs-api/latest/javadocs/org/keycloak/events/EventType.html
 */
const detailSchema = z.looseObject({
  /** Older versions have none. */
  id: optionalText,
  time: z.number(),
  type: z.string().min(1),
  clientId: optionalText,
  userId: optionalText,
  sessionId: optionalText,
  ipAddress: optionalText,
  error: optionalText,
  details: z.record(z.string(), z.unknown()).nullish(),
});

/** Our types for Keycloak's types. `…_ERROR` of any of these is a failed authentication. */
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
    USER_DISABLED_BY_PERMANENT_LOCKOUT: "suspicious_activity",
    USER_DISABLED_BY_TEMPORARY_LOCKOUT: "suspicious_activity",
  }),
);

/** Errors that are not about the caller's credentials. */
const NOT_AUTHENTICATION: ReadonlySet<string> = new Set(["LOGOUT_ERROR", "REVOKE_GRANT_ERROR"]);

function typeOf(type: string): string | undefined {
  if (!type.endsWith("_ERROR")) return TYPES.get(type);
  const attempted = type.slice(0, -"_ERROR".length);
  return TYPES.has(attempted) && !NOT_AUTHENTICATION.has(type) ? "auth_failed" : undefined;
}

const asText = (value: unknown) => (typeof value === "string" ? value : undefined);

export const keycloak: ProviderAdapter = {
  name: "keycloak",
  serves: ({ source }) => source === KEYCLOAK_SOURCE,
  read: ({ detail, id }) => {
    const event = detailSchema.parse(detail);
    return {
      id: event.id ?? id,
      code: event.type,
      occurredAt: event.time,
      eventType: typeOf(event.type),
      outcome: event.error || event.type.endsWith("_ERROR") ? "failure" : "success",
      reason: event.error,
      clientId: event.clientId,
      userId: event.userId ?? asText(event.details?.username),
      sessionId: event.sessionId,
      ip: event.ipAddress,
      endpoint: asText(event.details?.redirect_uri),
      message: asText(event.details?.reason),
    };
  },
};
