import { v7 as uuidv7 } from "uuid";
import * as z from "zod";
import { instantSchema, toInstant } from "../core/clock.ts";
import { parseInput } from "../core/faults.ts";
import { type EventData, eventDataSchema, fitEventData, withoutSecrets } from "./event-data.ts";
import { SECURITY_EVENT_TYPES } from "./event-types.ts";
import {
  eventTypeSchema,
  identifierSchema,
  MAX_IDENTIFIER_LENGTH,
  uuidSchema,
} from "./identifiers.ts";
import { canonicalIp } from "./ip-address.ts";
import { withoutTokens } from "./redact-text.ts";

/** What counters and reports say in place of a client that an event does not name. */
export const NO_CLIENT = "(none)";

/** The `route` of a call whose path no configured rule covers. */
export const UNROUTED = "(unrouted)";

/** `Source` of every event on the bus. */
export const EVENT_SOURCE = "oauth.monitoring";

/** A producer may take a token for an id: its digest is kept, in the length that an id may have. */
const optionalIdentifier = identifierSchema
  .nullish()
  .transform((id) => (id ? withoutTokens(id).slice(0, MAX_IDENTIFIER_LENGTH) : undefined));

/** Event data in which one caller has one address, however its producer writes it. */
function withCanonicalIp(data: EventData): EventData {
  return typeof data.ip === "string" ? { ...data, ip: canonicalIp(data.ip) } : data;
}

/**
 * The event envelope's `detail`: the one schema for producers and the subscriber. It shortens data that is too large,
 * so no event is lost by its size.
 */
export const oauthEventSchema = z
  .strictObject({
    /** The producer's identity of the event; a redelivery bears the same. */
    id: uuidSchema,
    event_type: eventTypeSchema,
    /** When it happened, UTC with milliseconds. */
    occurred_at: instantSchema,
    oauth_client_id: optionalIdentifier,
    user_id: optionalIdentifier,
    event_data: eventDataSchema,
  })
  .transform((event) => ({
    ...event,
    event_data: fitEventData(withCanonicalIp(withoutSecrets(event.event_data))),
  }));

/** An audit event as it travels on the bus; secrets in it are digests. */
export type OAuthEvent = z.output<typeof oauthEventSchema>;

/** `DetailType` on the bus: `oauth.<event_type>`. */
export function detailType(eventType: string): string {
  return `oauth.${eventType}`;
}

/** Whether events of the type belong in the security report. */
export function isSecurityEventType(eventType: string): boolean {
  return (SECURITY_EVENT_TYPES as readonly string[]).includes(eventType);
}

/** By a type that has no event of its own on the bus, the type whose events may carry it. */
export const CARRIERS: Readonly<Record<string, string>> = {
  scope_validation_success: "token_used",
};

/**
 * Every type that an event is found and counted under: its own, and `scope_validation_success` for a
 * `token_used` that tells of its scope check (`required_scopes`, and `success: true`).
 */
export function typesOf({
  event_type,
  event_data,
}: Pick<OAuthEvent, "event_type" | "event_data">): readonly string[] {
  const carries =
    event_type === "token_used" &&
    event_data.success === true &&
    Array.isArray(event_data.required_scopes);
  return carries ? [event_type, "scope_validation_success"] : [event_type];
}

/** What happened, before it has an identity. */
export interface EventFacts {
  readonly eventType: string;
  readonly clientId?: string | undefined;
  readonly userId?: string | undefined;
  readonly details: EventData;
  /** A given identity, where the same fact may be published again (a retried revocation). */
  readonly id?: string | undefined;
}

/**
 * Makes the envelope of something that happened at `atMs`, with a fresh UUIDv7 (RFC 9562) of that time.
 *
 * @throws InvalidInputError when the facts do not fit the envelope, saying which and why.
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

/** The token an event is about, when its data names one. */
export function tokenIdOf(event: {
  readonly event_data: Readonly<Record<string, unknown>>;
}): string | undefined {
  const id = event.event_data.token_id;
  return typeof id === "string" && id !== "" && id.length <= 256 ? id : undefined;
}

/** The address an event's call came from, when its data has one. */
export function ipOf(event: OAuthEvent): string | undefined {
  const { ip } = event.event_data;
  return typeof ip === "string" && ip !== "" && ip.length <= 64 ? ip : undefined;
}

/** What a gateway's request id may be; other producers may put anything there. */
const REQUEST_ID = /^[!-~]{1,128}$/;

/** The gateway's id of the request an event came from, when its data names one. */
export function requestIdOf(event: OAuthEvent): string | undefined {
  const id = event.event_data.request_id;
  return typeof id === "string" && REQUEST_ID.test(id) ? id : undefined;
}
