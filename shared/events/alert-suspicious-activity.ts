import type { Logger } from "../core/logger.ts";
import type { EventData } from "./event-data.ts";
import { withoutSecrets } from "./event-data.ts";
import type { OAuthEvent } from "./oauth-event.ts";
import { type EventSubject, type Tracking, trackEvent } from "./track-event.ts";

/**
 * Publishes `suspicious_activity` with a message and evidence, and logs a warning. Set `subject` if the suspicion is
 * about one client or user.
 *
 * @param id event ID. Pass the same ID for the same suspicion, so that raising it again publishes the same event.
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
