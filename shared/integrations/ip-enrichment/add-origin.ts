import { MAX_EVENT_DATA_BYTES } from "../../events/event-data.ts";
import { ipOf, type OAuthEvent } from "../../events/oauth-event.ts";
import { originOf } from "../../events/origin.ts";
import type { Origins } from "./origins.ts";

/**
 * The event with the origin of its address. What the event says of it stays. An event that would be too large with
 * an origin has none, and one whose address says nothing stays as it is.
 */
export function addOrigin(event: OAuthEvent, origins: Origins): OAuthEvent {
  const origin = origins.of(ipOf(event), originOf(event.event_data));
  if (origin === undefined) return event;
  const event_data = { ...event.event_data, origin };
  const bytes = Buffer.byteLength(JSON.stringify(event_data));
  return bytes > MAX_EVENT_DATA_BYTES ? event : { ...event, event_data };
}
