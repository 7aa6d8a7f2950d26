import { v7 as uuidv7 } from "uuid";
import * as z from "zod";
import { instantSchema, toInstant } from "../core/clock.ts";
import { parseInput } from "../core/errors.ts";
import { type EventData, eventDataSchema, fitEventData, withoutSecrets } from "./event-data.ts";
import {
  eventTypeSchema,
  identifierSchema,
  MAX_IDENTIFIER_LENGTH,
  uuidSchema,
} from "./identifiers.ts";
import { canonicalIp } from "./ip-address.ts";
import { withoutTokens } from "./redact-text.ts";

/** Event types that the product publishes. Any other type of the same format is also stored. */
export const EVENT_TYPES = [
  "token_used",
  "token_issued",
  "token_revoked",
  "scope_validation_success",
  "scope_violation",
  "auth_failed",
  "suspicious_activity",
  "session_started",
  "session_ended",
  "auth_unavailable",
  "token_seen",
  "access_revoked",
  "action_taken",
  "action_proposed",
  "action_dry_run",
  "action_rejected",
  "action_released",
  "action_expired",
  "alert_reviewed",
] as const;

/** Event types in the security report. These events are kept for at least 90 days. */
export const SECURITY_EVENT_TYPES = [
  "scope_violation",
  "auth_failed",
  "suspicious_activity",
] as const;

/** Event types for administrator activity at an identity provider. */
export const PROVIDER_ADMIN_TYPES = ["admin_activity"] as const;

/** Placeholder in counters and reports for events without a client. */
export const NO_CLIENT = "(none)";

/** `route` of a call whose path matches no configured rule. */
export const UNROUTED = "(unrouted)";

/** `Source` of every event on the bus. */
export const EVENT_SOURCE = "oauth.monitoring";

/**
 * A producer may mistakenly send a token as an ID. Such an ID is replaced by the token's digest, cut to the maximum ID
 * length.
 */
const optionalIdentifier = identifierSchema
  .nullish()
  .transform((id) => (id ? withoutTokens(id).slice(0, MAX_IDENTIFIER_LENGTH) : undefined));

/** Normalizes the address, so that the same caller always appears under the same text. */
function withCanonicalIp(data: EventData): EventData {
  return typeof data.ip === "string" ? { ...data, ip: canonicalIp(data.ip) } : data;
}

/**
 * Schema for the `detail` of the event envelope, used by producers and the subscriber. It shortens oversized data, so
 * that no event is lost because of its size.
 */
export const oauthEventSchema = z
  .strictObject({
    /** Event ID from the producer. Redeliveries have the same id. */
    id: uuidSchema,
    event_type: eventTypeSchema,
    /** When the event occurred, UTC with milliseconds. */
    occurred_at: instantSchema,
    oauth_client_id: optionalIdentifier,
    user_id: optionalIdentifier,
    event_data: eventDataSchema,
  })
  .transform((event) => ({
    ...event,
    event_data: fitEventData(withCanonicalIp(withoutSecrets(event.event_data))),
  }));

/** An audit event as sent on the bus. Secrets are replaced by digests. */
export interface OAuthEvent extends z.output<typeof oauthEventSchema> {}

/** Returns the `DetailType` on the bus: `oauth.<event_type>`. */
export function detailType(eventType: string): string {
  return `oauth.${eventType}`;
}

/** Whether events of this type belong in the security report. */
export function isSecurityEventType(eventType: string): boolean {
  return (SECURITY_EVENT_TYPES as readonly string[]).includes(eventType);
}

/** Event types that are never published separately. Each maps to the type of the events that can carry it. */
export const CARRIERS: Readonly<Record<string, string>> = {
  scope_validation_success: "token_used",
};

/**
 * Returns every type under which an event is listed and counted: its own type, and also
 * `scope_validation_success` for a `token_used` with a successful scope check (`required_scopes` and
 * `success: true`).
 */
export function getEventTypes({
  event_type,
  event_data,
}: Pick<OAuthEvent, "event_type" | "event_data">): readonly string[] {
  const carries =
    event_type === "token_used" &&
    event_data.success === true &&
    Array.isArray(event_data.required_scopes);
  return carries ? [event_type, "scope_validation_success"] : [event_type];
}

/** An event's content, without ID and time. */
export interface EventFacts {
  readonly eventType: string;
  readonly clientId?: string | undefined;
  readonly userId?: string | undefined;
  readonly details: EventData;
  /** Explicit ID, for an event that may be published again, such as a retried revocation. */
  readonly id?: string | undefined;
}

/**
 * Creates an event that happened at `atMs`. The ID defaults to a new UUIDv7 for that time (RFC 9562).
 *
 * @throws InvalidInputError naming each invalid part
 */
export function createEvent(facts: EventFacts, atMs: number): OAuthEvent {
  return parseInput(oauthEventSchema, "the event", {
    id: facts.id ?? uuidv7({ msecs: atMs }),
    event_type: facts.eventType,
    occurred_at: toInstant(atMs),
    oauth_client_id: facts.clientId,
    user_id: facts.userId,
    event_data: facts.details,
  });
}

/** Returns the token ID in the event's data, if it has one. */
export function getTokenId(event: {
  readonly event_data: Readonly<Record<string, unknown>>;
}): string | undefined {
  const id = event.event_data.token_id;
  return typeof id === "string" && id !== "" && id.length <= 256 ? id : undefined;
}

/** Returns the caller's address in the event's data, if it has one. */
export function getIp(event: OAuthEvent): string | undefined {
  const { ip } = event.event_data;
  return typeof ip === "string" && ip !== "" && ip.length <= 64 ? ip : undefined;
}

/** Format of a gateway's request ID. Other producers may send anything, so IDs in other formats are ignored. */
const REQUEST_ID = /^[!-~]{1,128}$/;

/** Returns the gateway's request ID in the event's data, if it has one. */
export function getRequestId(event: OAuthEvent): string | undefined {
  const id = event.event_data.request_id;
  return typeof id === "string" && REQUEST_ID.test(id) ? id : undefined;
}
