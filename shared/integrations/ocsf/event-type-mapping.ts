import type { EventData } from "../../events/event-data.ts";
import type { EVENT_TYPES, OAuthEvent } from "../../events/oauth-event.ts";
import {
  type Enumerated,
  type EventClassName,
  FINDING_STATUS,
  SEVERITY,
  STATUS,
} from "./event-classes.ts";

/** The OCSF class, activity, status and severity of an event type. */
export interface EventTypeMapping {
  readonly class: EventClassName;
  /** `by method`: create, read, update or delete, depending on the HTTP method. */
  readonly activity: Enumerated | "by method";
  readonly status: Enumerated;
  readonly severity: Enumerated;
  /** `status_detail` for an event without a reason. */
  readonly detail?: string;
}

const LOGON = { id: 1, caption: "Logon" };
const LOGOFF = { id: 2, caption: "Logoff" };
const CREATE = { id: 1, caption: "Create" };
const CLOSE = { id: 3, caption: "Close" };

/** Returns an activity that has no number in the schema. Its name goes in `activity_name`. */
const other = (caption: string): Enumerated => ({ id: 99, caption });

/** Returns the mapping for a response action, which is neither a logon nor a logoff. */
const toAction = (caption: string): EventTypeMapping => ({
  class: "authentication",
  activity: other(caption),
  status: STATUS.success,
  severity: SEVERITY.informational,
});

/**
 * Event types and their mapping to OCSF.
 *
 * - Token events have the activity `Other` and a name. Issuing a token is not a logon: a client can get a token without
 *   a user and refresh it without a logon. The schema's ticket activities (3 to 5) are for Kerberos.
 * - A call without a valid token is a failed `Logon`, because detections of credential guessing look there.
 * - A call with insufficient scopes is authenticated, so it's a failed API call.
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
  token_seen: {
    class: "authentication",
    activity: other("Token Seen"),
    status: STATUS.success,
    severity: SEVERITY.informational,
  },
  access_revoked: {
    class: "authentication",
    activity: other("Access Revoked"),
    status: STATUS.success,
    severity: SEVERITY.informational,
  },
  token_revoked: {
    class: "authentication",
    activity: other("Token Revoked"),
    status: STATUS.success,
    severity: SEVERITY.informational,
  },
  action_taken: toAction("Action Taken"),
  action_proposed: toAction("Action Proposed"),
  action_dry_run: toAction("Action Dry Run"),
  action_rejected: toAction("Action Rejected"),
  action_released: toAction("Action Released"),
  action_expired: toAction("Action Expired"),
  alert_reviewed: toAction("Alert Reviewed"),
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

/** Returns the status for an unmapped event type, from the outcome that the identity provider reported. */
function toStatus({ outcome }: EventData): Enumerated {
  return outcome === "success" || outcome === "failure" ? STATUS[outcome] : STATUS.unknown;
}

/** Returns an event's OCSF mapping. An unknown event type becomes an API activity named after the type. */
export function getMapping({ event_type, event_data }: OAuthEvent): EventTypeMapping {
  if (Object.hasOwn(MAPPINGS, event_type)) return MAPPINGS[event_type as keyof typeof MAPPINGS];
  return {
    class: "apiActivity",
    activity: other(event_type),
    status: toStatus(event_data),
    severity: SEVERITY.unknown,
  };
}
