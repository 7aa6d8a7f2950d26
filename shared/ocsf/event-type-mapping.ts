import type { EventData } from "../envelope/event-data.ts";
import type { EVENT_TYPES } from "../envelope/event-types.ts";
import type { OAuthEvent } from "../envelope/oauth-event.ts";
import {
  type Enumerated,
  type EventClassName,
  FINDING_STATUS,
  SEVERITY,
  STATUS,
} from "./event-classes.ts";

/** What an event type is in OCSF. */
export interface EventTypeMapping {
  readonly class: EventClassName;
  /** `by method`: create, read, update or delete, as the HTTP method says. */
  readonly activity: Enumerated | "by method";
  readonly status: Enumerated;
  readonly severity: Enumerated;
  /** `status_detail` of an event that gives no reason itself. */
  readonly detail?: string;
}

const LOGON = { id: 1, caption: "Logon" };
const LOGOFF = { id: 2, caption: "Logoff" };
const CREATE = { id: 1, caption: "Create" };
const CLOSE = { id: 3, caption: "Close" };

/** An activity for which the schema has no number; `activity_name` then says which. */
const other = (caption: string): Enumerated => ({ id: 99, caption });

/**
 * Event types and what they are in OCSF.
 *
 * A token is no logon: a client gets one without a user, and gets the next with a refresh token while
 * nobody logs on. The schema's tickets (3 to 5) are Kerberos's. So its issue and end are `Other`, named.
 * A call that brings no good token asked to be let in and was not: a failed `Logon`, which is also where
 * detections look for guessing. A call with too little scope was authenticated; what failed is the call.
 */
const MAPPINGS: Readonly<
  Record<(typeof EVENT_TYPES)[number] | "alert_resolved", EventTypeMapping>
> = {
  auth_failed: {
    class: "authentication",
    activity: LOGON,
    status: STATUS.failure,
    severity: SEVERITY.low,
  },
  auth_unavailable: {
    class: "authentication",
    activity: LOGON,
    status: STATUS.failure,
    severity: SEVERITY.medium,
    detail: "temporarily_unavailable",
  },
  session_started: {
    class: "authentication",
    activity: LOGON,
    status: STATUS.success,
    severity: SEVERITY.informational,
  },
  session_ended: {
    class: "authentication",
    activity: LOGOFF,
    status: STATUS.success,
    severity: SEVERITY.informational,
  },
  token_issued: {
    class: "authentication",
    activity: other("Token Issued"),
    status: STATUS.success,
    severity: SEVERITY.informational,
  },
  token_revoked: {
    class: "authentication",
    activity: other("Token Revoked"),
    status: STATUS.success,
    severity: SEVERITY.informational,
  },
  token_used: {
    class: "apiActivity",
    activity: "by method",
    status: STATUS.success,
    severity: SEVERITY.informational,
  },
  scope_validation_success: {
    class: "apiActivity",
    activity: "by method",
    status: STATUS.success,
    severity: SEVERITY.informational,
  },
  scope_violation: {
    class: "apiActivity",
    activity: "by method",
    status: STATUS.failure,
    severity: SEVERITY.low,
    detail: "insufficient_scope",
  },
  suspicious_activity: {
    class: "detectionFinding",
    activity: CREATE,
    status: FINDING_STATUS.new,
    severity: SEVERITY.medium,
  },
  alert_resolved: {
    class: "detectionFinding",
    activity: CLOSE,
    status: FINDING_STATUS.resolved,
    severity: SEVERITY.informational,
  },
};

/** What identity providers' events of other types say of their outcome. */
function statusOf({ outcome }: EventData): Enumerated {
  return outcome === "success" || outcome === "failure" ? STATUS[outcome] : STATUS.unknown;
}

/** How an event is exported; one of somebody else's type is an API activity that bears its name. */
export function mappingOf({ event_type, event_data }: OAuthEvent): EventTypeMapping {
  if (Object.hasOwn(MAPPINGS, event_type)) return MAPPINGS[event_type as keyof typeof MAPPINGS];
  return {
    class: "apiActivity",
    activity: other(event_type),
    status: statusOf(event_data),
    severity: SEVERITY.unknown,
  };
}
