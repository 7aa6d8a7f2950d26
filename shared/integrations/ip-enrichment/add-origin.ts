import { MAX_EVENT_DATA_BYTES } from "../../events/event-data.ts";
import { ipOf, type OAuthEvent } from "../../events/oauth-event.ts";
import { originOf } from "../../events/origin.ts";
import type { Origins } from "./origins.ts";

/**
 * Adds IP enrichment for the event's address. Values already in the event take precedence. Returns the event unchanged
 * if nothing is known about the address or if the event would become too large.
 */
export function addOrigin(event: OAuthEvent, origins: Origins): OAuthEvent {
  const origin = origins.of(ipOf(event), originOf(event.event_data));
  if (origin === undefined) return event;
  const event_data = { ...event.event_data, origin };
  const bytes = Buffer.byteLength(JSON.stringify(event_data));
  return bytes > MAX_EVENT_DATA_BYTES ? event : { ...event, event_data };
}
