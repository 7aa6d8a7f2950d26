import { v5 as uuidv5 } from "uuid";
import { instantSchema } from "../../core/clock.ts";
import {
  type EventData,
  MAX_EVENT_DATA_BYTES,
  storable,
  withoutSecrets,
} from "../../events/event-data.ts";
import { identifierSchema } from "../../events/identifiers.ts";
import { withoutPort } from "../../events/ip-address.ts";
import { toEnrichment, toEnrichmentData } from "../../events/ip-enrichment.ts";
import { type OAuthEvent, oauthEventSchema } from "../../events/oauth-event.ts";
import type { ProviderEvent } from "./provider-event.ts";

/** The part of an EventBridge message that adapters use. */
export interface ProviderMessage {
  readonly source: string;
  readonly "detail-type": string;
  /** EventBridge's message ID. Used for events without an ID. */
  readonly id: string;
  /** When EventBridge received the message. Used for events without a readable time. */
  readonly time?: string | undefined;
  readonly detail?: unknown;
}

/** Reads events from one identity provider. */
export interface ProviderAdapter {
  /** Provider name in `event_data.provider` and in event types derived from unknown codes. */
  readonly name: string;
  /** Whether a message comes from the provider. Must match the provider's EventBridge rule. */
  readonly serves: (message: ProviderMessage) => boolean;
  /** Reads an event. Never throws: treats an invalid member as absent. */
  readonly read: (message: ProviderMessage) => ProviderEvent;
  /** Returns the records from a batch in the provider's format, or undefined for anything else. */
  readonly batch?: (detail: unknown) => readonly unknown[] | undefined;
}

/** Maximum records in one batch. PingOne sends up to 500. */
export const MAX_RECORDS = 2000;

/** Returns the records in a provider's detail: the batch's records, or the detail itself. */
export function recordsIn({ batch }: ProviderAdapter, detail: unknown): readonly unknown[] {
  return batch?.(detail) ?? [detail];
}

/** UUID namespace for IDs that are derived from the provider's name and event ID (RFC 9562, version 5). */
const NAMESPACE = "0f5c2b8e-6a55-4f0e-9c0c-2f0c1c6f6f11";

/** Bytes of `event_data` reserved for members other than the original. */
const OTHER_MEMBERS_BYTES = 16 * 1024;

/** Half of a surrogate pair, which UTF-8 can't encode. */
const LONE_SURROGATE = /\p{Cs}/gu;

/** Returns text for storage: valid Unicode without control characters, truncated. */
function text(value: string | undefined, maxLength = 1024): string | undefined {
  return value
    ?.replace(/\p{Cc}/gu, "")
    .slice(0, maxLength)
    .replace(LONE_SURROGATE, "\uFFFD");
}

/** Returns a valid identifier: no control characters, at most 256 characters. */
function identifier(value: string | undefined): string | undefined {
  return identifierSchema.safeParse(text(value, 256)).data;
}

/** Derives an event type from a code: Okta's `user.session.start` becomes `okta_user_session_start`. */
function typeOfCode(provider: string, code: string): string {
  const words = code
    .slice(0, 256)
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_|_$/g, "");
  return `${provider}_${words || "unknown"}`.slice(0, 64);
}

/** Returns the provider's original event, or the start of its JSON text if it exceeds an event's size limit. */
function original(detail: unknown): EventData {
  const room = MAX_EVENT_DATA_BYTES - OTHER_MEMBERS_BYTES;
  // Replace secrets before truncating, while they can still be found by their keys. A digest can be longer than the
  // secret that it replaces, so measure the size afterwards.
  const { kept } = withoutSecrets({ kept: storable(detail ?? null, 1) });
  const text = Buffer.from(JSON.stringify(kept));
  return text.length <= room
    ? { original: kept }
    : { original_cut: text.subarray(0, room / 2).toString("utf8") };
}

/** The end of a time that has a zone, such as `Z`, `GMT`, `+02:00` or `(Central European Time)`. */
const ZONE = /(?:Z|[A-Z]{3}\)?|[+-]\d{2}:?\d{2})$/i;

/** Converts a time to the envelope's format. A time without a zone is UTC. Returns undefined if it's unreadable. */
function parseInstant(at: string | number | undefined): string | undefined {
  const texts = typeof at === "string" && !ZONE.test(at.trim()) ? [`${at}Z`, `${at} UTC`] : [at];
  const date = texts
    .map((each) => new Date(each ?? Number.NaN))
    .find((each) => !Number.isNaN(each.getTime()));
  return instantSchema.safeParse(date?.toISOString()).data;
}

/** Returns an event's identity: the provider's ID, EventBridge's ID, or the event's content. */
function getIdentity(
  event: ProviderEvent,
  message: ProviderMessage,
  originalData: EventData,
): string {
  const identity = event.id || message.id || JSON.stringify(originalData);
  return identity.replace(LONE_SURROGATE, "\uFFFD");
}

/**
 * Converts a provider's event to this product's envelope. Derives the ID from the provider's ID and stores the original
 * alongside the translated members. As in every event, digests replace secrets. Accepts any detail.
 *
 * @throws ZodError if neither the event nor the message has a readable time
 */
export function toOAuthEvent(adapter: ProviderAdapter, message: ProviderMessage): OAuthEvent {
  const event = adapter.read(message);
  const originalData = original(event.original === undefined ? message.detail : event.original);
  const identity = getIdentity(event, message, originalData);
  const code = event.code ?? "unknown";
  const enrichment = event.enrichment && toEnrichment(event.enrichment);
  const details: EventData = {
    provider: adapter.name,
    provider_event_id: event.id || message.id ? text(identity, 256) : undefined,
    provider_event_type: text(code, 256),
    outcome: event.outcome,
    reason: text(event.reason),
    ip: event.ip && text(withoutPort(event.ip), 64),
    ...(enrichment && toEnrichmentData(enrichment)),
    user_agent: text(event.userAgent),
    endpoint: text(event.endpoint),
    session_id: text(event.sessionId, 256),
    message: text(event.message),
  };
  const known = Object.entries(details).filter(([, value]) => value !== undefined && value !== "");
  return oauthEventSchema.parse({
    id: uuidv5(`${adapter.name} ${identity}`, NAMESPACE),
    event_type: event.eventType ?? typeOfCode(adapter.name, code),
    occurred_at: parseInstant(event.occurredAt) ?? parseInstant(message.time) ?? "",
    oauth_client_id: identifier(event.clientId),
    user_id: identifier(event.userId),
    event_data: { ...Object.fromEntries(known), ...originalData },
  });
}

/**
 * Returns the events from a batch that was sent as one message. A record without a provider ID is identified by the
 * message ID and the record's index. Returns undefined if the message has fewer than two records or more than
 * `MAX_RECORDS`.
 *
 * @throws ZodError if neither the record nor the message has a readable time
 */
export function eventsOfBatch(
  adapter: ProviderAdapter,
  message: ProviderMessage,
): readonly OAuthEvent[] | undefined {
  const records = recordsIn(adapter, message.detail);
  if (records.length < 2 || records.length > MAX_RECORDS) return undefined;
  return records.map((detail, index) =>
    toOAuthEvent(adapter, { ...message, id: message.id && `${message.id}/${index}`, detail }),
  );
}
