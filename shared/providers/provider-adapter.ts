import { v5 as uuidv5 } from "uuid";
import * as z from "zod";
import { type EventData, MAX_EVENT_DATA_BYTES } from "../envelope/event-data.ts";
import { identifierSchema } from "../envelope/identifiers.ts";
import { type OAuthEvent, oauthEventSchema } from "../envelope/oauth-event.ts";
import { instantSchema } from "../time/clock.ts";

/** A provider's event, translated to our terms. */
export interface ProviderEvent {
  /** The provider's own id of the event. It is the same when the event is delivered again. */
  readonly id: string;
  /** The provider's own name or code for the event. */
  readonly code: string;
  /** In any format that `Date` reads, or in epoch milliseconds. */
  readonly occurredAt: string | number;
  /** Our type for the event. Without one, the type consists of the provider and the code. */
  readonly eventType?: string | undefined;
  readonly outcome?: "success" | "failure" | undefined;
  readonly reason?: string | undefined;
  readonly clientId?: string | undefined;
  readonly userId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly ip?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly message?: string | undefined;
}

/** The part of an EventBridge message that adapters read. */
export interface ProviderMessage {
  readonly source: string;
  readonly "detail-type": string;
  /** EventBridge's own id, for providers whose events have none. */
  readonly id: string;
  readonly detail: unknown;
}

/** Reads the events of one identity provider. */
export interface ProviderAdapter {
  /** The provider's name in `event_data.provider`, and in the types of unknown codes. */
  readonly name: string;
  /** Whether a message comes from the provider. It must match what the provider's rule matches. */
  readonly serves: (message: ProviderMessage) => boolean;
  /** @throws ZodError when the detail is not what the provider publishes */
  readonly read: (message: ProviderMessage) => ProviderEvent;
}

/** The namespace of ids that consist of a provider's name and its own id (RFC 9562, version 5). */
const NAMESPACE = "0f5c2b8e-6a55-4f0e-9c0c-2f0c1c6f6f11";

/** The part of `event_data` that is reserved for members next to the original. */
const BESIDE_ORIGINAL_BYTES = 16 * 1024;

/** An identifier that fits the envelope: no control characters, at most 256 characters. */
function identifier(text: string | undefined): string | undefined {
  const cleaned = text?.replace(/\p{Cc}/gu, "").slice(0, 256);
  return identifierSchema.safeParse(cleaned).data;
}

/** `user.session.start` of okta → `okta_user_session_start`. */
function typeOfCode(provider: string, code: string): string {
  const words = code
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_|_$/g, "");
  return `${provider}_${words || "unknown"}`.slice(0, 64);
}

/** The original, or its text, cut to the size that an event allows. */
function original(detail: unknown): EventData {
  const text = JSON.stringify(detail);
  const room = MAX_EVENT_DATA_BYTES - BESIDE_ORIGINAL_BYTES;
  if (Buffer.byteLength(text) <= room) return { original: detail };
  return {
    original_cut: Buffer.from(text)
      .subarray(0, room / 2)
      .toString("utf8"),
  };
}

const text = (value: string | undefined, most = 1024) => value?.slice(0, most);

/**
 * Puts a provider's event into our envelope. Its id is derived from the provider's id. The unchanged original
 * is next to the translated members. Digests replace secrets, as in every event.
 *
 * @throws ZodError when the event is not valid, with the reason
 */
export function toOAuthEvent(adapter: ProviderAdapter, message: ProviderMessage): OAuthEvent {
  const event = adapter.read(message);
  const details: EventData = {
    provider: adapter.name,
    provider_event_id: event.id,
    provider_event_type: event.code,
    outcome: event.outcome,
    reason: text(event.reason),
    ip: text(event.ip, 64),
    user_agent: text(event.userAgent),
    endpoint: text(event.endpoint),
    session_id: text(event.sessionId, 256),
    message: text(event.message),
    ...original(message.detail),
  };
  const known = Object.entries(details).filter(([, value]) => value !== undefined && value !== "");
  return oauthEventSchema.parse({
    id: uuidv5(`${adapter.name} ${event.id}`, NAMESPACE),
    event_type: event.eventType ?? typeOfCode(adapter.name, event.code),
    occurred_at: toInstant(event.occurredAt),
    oauth_client_id: identifier(event.clientId),
    user_id: identifier(event.userId),
    event_data: Object.fromEntries(known),
  });
}

function toInstant(at: string | number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : instantSchema.parse(date.toISOString());
}

/** Text that a provider may leave out, or send as null or as an empty string. */
export const optionalText = z
  .string()
  .nullish()
  .transform((value) => value || undefined);
