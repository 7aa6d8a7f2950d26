import type { Logger } from "../core/logger.ts";
import type { EventData } from "./event-data.ts";
import { withoutSecrets } from "./event-data.ts";
import type { OAuthEvent } from "./oauth-event.ts";
import { type EventSubject, type Tracking, trackEvent } from "./track-event.ts";

/**
 * Publishes `suspicious_activity` with a message and its evidence, and writes a warning to the log.
 * Name the client or user in `subject` when the suspicion is about one.
 *
 * @param id identity of the event, for a suspicion that may be raised again
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
