import type { Clock } from "../core/clock.ts";
import type { EventData } from "./event-data.ts";
import type { EventSink } from "./event-sink.ts";
import { createEvent, type OAuthEvent } from "./oauth-event.ts";

/** What tracking needs: where events go, and what time it is. */
export interface Tracking {
  readonly sink: EventSink;
  readonly clock: Clock;
}

/** Whom an event is about; a token names its client and user by itself. */
export interface EventSubject {
  readonly oauth_client_id?: string | undefined;
  readonly user_id?: string | undefined;
  readonly token_id?: string | undefined;
}

/** When the event happened, and its identity. */
export interface TrackEventOptions {
  /** When it happened, epoch milliseconds; default now. */
  readonly atMs?: number | undefined;
  /** A given identity, for a fact that may be published again. Default a fresh UUIDv7. */
  readonly id?: string | undefined;
}

/**
 * Publishes `oauth.<eventType>` about a client or token (or nobody), and resolves once it is safe.
 *
 * @example
 * ```typescript
 * await trackEvent(tracking, "token_used", token, { endpoint: "/api/data", method: "GET" });
 * await trackEvent(tracking, "consent_given", { oauth_client_id: "app", user_id: "ada" }, {});
 * ```
 * @throws InvalidInputError when the type or the details do not fit the envelope.
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
