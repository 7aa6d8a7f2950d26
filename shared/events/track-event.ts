import type { Clock } from "../core/clock.ts";
import type { EventData } from "./event-data.ts";
import type { EventSink } from "./event-sink.ts";
import { createEvent, type OAuthEvent } from "./oauth-event.ts";

/** Dependencies of tracking: a destination for events, and a clock. */
export interface Tracking {
  readonly sink: EventSink;
  readonly clock: Clock;
}

/** The client, user and token that an event is about. An `AccessToken` can be passed as is. */
export interface EventSubject {
  readonly oauth_client_id?: string | undefined;
  readonly user_id?: string | undefined;
  readonly token_id?: string | undefined;
}

/** An event's time and ID. */
export interface TrackEventOptions {
  /** When the event occurred, in epoch milliseconds. Defaults to now. */
  readonly atMs?: number | undefined;
  /** Event ID, for an event that may be published again. Defaults to a new UUIDv7. */
  readonly id?: string | undefined;
}

/**
 * Publishes `oauth.<eventType>` about a client or token, or without a subject. Resolves once the event is published,
 * spooled or buffered.
 *
 * @example
 * ```typescript
 * await trackEvent(tracking, "token_used", token, { endpoint: "/api/data", method: "GET" });
 * await trackEvent(tracking, "consent_given", { oauth_client_id: "app", user_id: "ada" }, {});
 * ```
 * @throws InvalidInputError if the type or the details are invalid
 */
export async function trackEvent(
  tracking: Tracking,
  eventType: string,
  subject: EventSubject | undefined,
  details: EventData = {},
  options: TrackEventOptions = {},
): Promise<OAuthEvent> {
  const event = createEvent(
    {
      eventType,
      clientId: subject?.oauth_client_id,
      userId: subject?.user_id,
      details: subject?.token_id ? { ...details, token_id: subject.token_id } : details,
      id: options.id,
    },
    options.atMs ?? tracking.clock(),
  );
  await tracking.sink.publish([event]);
  return event;
}
