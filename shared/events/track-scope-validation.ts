import type { EventData } from "./event-data.ts";
import type { OAuthEvent } from "./oauth-event.ts";
import {
  type EventSubject,
  type TrackEventOptions,
  type Tracking,
  trackEvent,
} from "./track-event.ts";

/** The session or access token whose scopes were checked. */
export interface ScopeHolder extends EventSubject {
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
 */
export async function trackScopeValidation(
  tracking: Tracking,
  holder: ScopeHolder,
  requiredScopes: readonly string[],
  success: boolean,
  details: EventData = {},
  options: TrackEventOptions = {},
): Promise<OAuthEvent> {
  return trackEvent(
    tracking,
    success ? "scope_validation_success" : "scope_violation",
    holder,
    {
      ...details,
      ...(holder.session_id ? { session_id: holder.session_id } : {}),
      ...scopeCheck(requiredScopes, holder.scopes, success),
    },
    options,
  );
}
