import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/telemetry.ts";
import { type EventData, withoutSecrets } from "./event-data.ts";
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
  /** Event ID. Set it if you may publish the same event again. Defaults to a new UUIDv7. */
  readonly id?: string | undefined;
}

/**
 * Publishes `oauth.<eventType>` about a client or token, or without a subject. Resolves once the event is published,
 * spooled or buffered.
 *
 * @example
 * ```typescript
 * const monitoring = openMonitoring();
 * await trackEvent(monitoring, "token_used", token, { endpoint: "/api/data", method: "GET" });
 * await trackEvent(monitoring, "consent_given", { oauth_client_id: "app", user_id: "ada" });
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

/** The session or access token whose scopes were checked. */
export interface ScopePrincipal extends EventSubject {
  readonly scopes: readonly string[];
  readonly session_id?: string | undefined;
}

/** Returns the event data of a scope check. */
export function scopeCheck(
  requiredScopes: readonly string[],
  availableScopes: readonly string[],
  success: boolean,
): EventData {
  return { required_scopes: [...requiredScopes], available_scopes: [...availableScopes], success };
}

/**
 * Publishes the outcome of a scope check, `scope_validation_success` or `scope_violation`, with the required and
 * available scopes. The authorizer doesn't call this for a success, because its `token_used` event already contains the
 * check.
 *
 * @example
 * ```typescript
 * await trackScopeValidation(openMonitoring(), token, ["orders:write"], false);
 * ```
 */
export async function trackScopeValidation(
  tracking: Tracking,
  principal: ScopePrincipal,
  requiredScopes: readonly string[],
  success: boolean,
  details: EventData = {},
  options: TrackEventOptions = {},
): Promise<OAuthEvent> {
  return trackEvent(
    tracking,
    success ? "scope_validation_success" : "scope_violation",
    principal,
    {
      ...details,
      ...(principal.session_id ? { session_id: principal.session_id } : {}),
      ...scopeCheck(requiredScopes, principal.scopes, success),
    },
    options,
  );
}

/**
 * Publishes `suspicious_activity` with a message and evidence, and logs a warning. Set `subject` if the suspicion is
 * about one client or user.
 *
 * @param id event ID. Pass the same ID for the same suspicion, so that raising it again publishes the same event.
 * @example
 * ```typescript
 * await alertSuspiciousActivity(openMonitoring(), "Sign-in from a blocked country", { ip }, token);
 * ```
 */
export async function alertSuspiciousActivity(
  tracking: Tracking & { readonly logger: Logger },
  message: string,
  details: EventData = {},
  subject?: EventSubject,
  id?: string,
): Promise<OAuthEvent> {
  tracking.logger.warn(`OAuth Security Alert: ${message}`, { details: withoutSecrets(details) });
  return trackEvent(tracking, "suspicious_activity", subject, { ...details, message }, { id });
}
