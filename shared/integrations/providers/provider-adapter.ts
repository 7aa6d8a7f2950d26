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
import { type OAuthEvent, oauthEventSchema } from "../../events/oauth-event.ts";
import { toOrigin } from "../../events/origin-facts.ts";
import type { ProviderEvent } from "./provider-event.ts";

/** The part of an EventBridge message that adapters read. */
export interface ProviderMessage {
  readonly source: string;
  readonly "detail-type": string;
  /** EventBridge's own id, for providers whose events have none. */
  readonly id: string;
  /** When EventBridge took the message, for events without a time that can be read. */
  readonly time?: string | undefined;
  readonly detail?: unknown;
}

/** Reads the events of one identity provider. */
export interface ProviderAdapter {
  /** The provider's name in `event_data.provider`, and in the types of unknown codes. */
  readonly name: string;
  /** Whether a message comes from the provider. It must match what the provider's rule matches. */
  readonly serves: (message: ProviderMessage) => boolean;
  /** Reads whatever the detail has. It never throws: a member that does not fit counts as absent. */
  readonly read: (message: ProviderMessage) => ProviderEvent;
  /** The records of a batch as the provider wraps it; undefined for anything else. */
  readonly batch?: (detail: unknown) => readonly unknown[] | undefined;
}

/** Records that are taken from one batch. PingOne sends up to 500. */
export const MAX_RECORDS = 2000;

/** The records in what a provider sent: those of its batch, or the whole as the only one. */
export function recordsIn({ batch }: ProviderAdapter, detail: unknown): readonly unknown[] {
  return batch?.(detail) ?? [detail];
}

/** The namespace of ids that consist of a provider's name and its own id (RFC 9562, version 5). */
const NAMESPACE = "0f5c2b8e-6a55-4f0e-9c0c-2f0c1c6f6f11";

/** The part of `event_data` that is reserved for members next to the original. */
const BESIDE_ORIGINAL_BYTES = 16 * 1024;

/** Half of a surrogate pair, which UTF-8 cannot carry. */
const LONE_SURROGATE = /\p{Cs}/gu;

/** Text as it is stored: without control characters, of a bounded length, in valid Unicode. */
function text(value: string | undefined, most = 1024): string | undefined {
  return value
    ?.replace(/\p{Cc}/gu, "")
    .slice(0, most)
    .replace(LONE_SURROGATE, "\uFFFD");
}

/** An identifier that fits the envelope: no control characters, at most 256 characters. */
function identifier(value: string | undefined): string | undefined {
  return identifierSchema.safeParse(text(value, 256)).data;
}

/** `user.session.start` of okta → `okta_user_session_start`. */
function typeOfCode(provider: string, code: string): string {
  const words = code
    .slice(0, 256)
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_|_$/g, "");
  return `${provider}_${words || "unknown"}`.slice(0, 64);
}

/** The original, or the beginning of its text when it is larger than an event allows. */
function original(detail: unknown): EventData {
  const room = MAX_EVENT_DATA_BYTES - BESIDE_ORIGINAL_BYTES;
  // A digest can be longer than its secret. In text, secrets have no keys by which they would be found.
  const { kept } = withoutSecrets({ kept: storable(detail ?? null, 1) });
  const text = Buffer.from(JSON.stringify(kept));
  return text.length <= room
    ? { original: kept }
    : { original_cut: text.subarray(0, room / 2).toString("utf8") };
}

/** The end of a time that names its zone, such as `Z`, `GMT`, `+02:00` or `(Central European Time)`. */
const ZONE = /(?:Z|[A-Z]{3}\)?|[+-]\d{2}:?\d{2})$/i;

/** A time as the envelope wants it; undefined when it cannot be read. Without a zone, a time is UTC. */
function instantOf(at: string | number | undefined): string | undefined {
  const texts = typeof at === "string" && !ZONE.test(at.trim()) ? [`${at}Z`, `${at} UTC`] : [at];
  const date = texts
    .map((each) => new Date(each ?? Number.NaN))
    .find((each) => !Number.isNaN(each.getTime()));
  return instantSchema.safeParse(date?.toISOString()).data;
}

/** What tells an event from others: the provider's id, or EventBridge's, or all that the event says. */
function identityOf(event: ProviderEvent, message: ProviderMessage, kept: EventData): string {
  const identity = event.id || message.id || JSON.stringify(kept);
  return identity.replace(LONE_SURROGATE, "\uFFFD");
}

/**
 * Puts a provider's event into our envelope. Its id is derived from the provider's id. The original is next to
 * the translated members. Digests replace secrets, as in every event. Any detail becomes an event.
 *
 * @throws ZodError when neither the event nor the message says when it happened
 */
export function toOAuthEvent(adapter: ProviderAdapter, message: ProviderMessage): OAuthEvent {
  const event = adapter.read(message);
  const kept = original(event.original === undefined ? message.detail : event.original);
  const identity = identityOf(event, message, kept);
  const code = event.code ?? "unknown";
  const details: EventData = {
    provider: adapter.name,
    provider_event_id: event.id || message.id ? text(identity, 256) : undefined,
    provider_event_type: text(code, 256),
    outcome: event.outcome,
    reason: text(event.reason),
    ip: event.ip && text(withoutPort(event.ip), 64),
    origin: event.origin && toOrigin(event.origin),
    user_agent: text(event.userAgent),
    endpoint: text(event.endpoint),
    session_id: text(event.sessionId, 256),
    message: text(event.message),
  };
  const known = Object.entries(details).filter(([, value]) => value !== undefined && value !== "");
  return oauthEventSchema.parse({
    id: uuidv5(`${adapter.name} ${identity}`, NAMESPACE),
    event_type: event.eventType ?? typeOfCode(adapter.name, code),
    occurred_at: instantOf(event.occurredAt) ?? instantOf(message.time) ?? "",
    oauth_client_id: identifier(event.clientId),
    user_id: identifier(event.userId),
    event_data: { ...Object.fromEntries(known), ...kept },
  });
}

/**
 * The events of a batch that is one message, known by the message and their place in it where the provider gives them no
 * id; undefined when the message has one record, or more than are taken from a batch.
 *
 * @throws ZodError when neither a record nor the message says when it happened
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
