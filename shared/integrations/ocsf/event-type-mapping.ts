import type { EventData } from "../../events/event-data.ts";
import type { EVENT_TYPES } from "../../events/event-types.ts";
import type { OAuthEvent } from "../../events/oauth-event.ts";
import {
  type Enumerated,
  type EventClassName,
  FINDING_STATUS,
  SEVERITY,
  STATUS,
} from "./event-classes.ts";

/** The class, activity, status and severity of an event type in OCSF. */
export interface EventTypeMapping {
  readonly class: EventClassName;
  /** `by method`: the HTTP method decides whether it is create, read, update or delete. */
  readonly activity: Enumerated | "by method";
  readonly status: Enumerated;
  readonly severity: Enumerated;
  /** `status_detail` of an event that has no reason. */
  readonly detail?: string;
}

const LOGON = { id: 1, caption: "Logon" };
const LOGOFF = { id: 2, caption: "Logoff" };
const CREATE = { id: 1, caption: "Create" };
const CLOSE = { id: 3, caption: "Close" };

/** An activity for which the schema has no number. `activity_name` names it. */
const other = (caption: string): Enumerated => ({ id: 99, caption });

/** An action against a user, client, session, token or address: it grants nobody access, nor takes a logon. */
const actionOf = (caption: string): EventTypeMapping => ({
  class: "authentication",
  activity: other(caption),
  status: STATUS.success,
  severity: SEVERITY.informational,
});

/**
 * Event types and their mapping to OCSF.
 *
 * Issuing a token is not a logon: a client can get a token without a user, and can refresh it without a logon.
 * The schema's tickets (3 to 5) are for Kerberos. So the issue and the end of a token are `Other`, with a name.
 * A call without a valid token is a failed `Logon`, because detections look there for guessing. A call with
 * insufficient scopes was authenticated, so it is a failed call.
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
  action_taken: actionOf("Action Taken"),
  action_proposed: actionOf("Action Proposed"),
  action_dry_run: actionOf("Action Dry Run"),
  action_rejected: actionOf("Action Rejected"),
  action_released: actionOf("Action Released"),
  action_expired: actionOf("Action Expired"),
  alert_reviewed: actionOf("Alert Reviewed"),
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

/** The outcome that an identity provider reports for an event of another type. */
function statusOf({ outcome }: EventData): Enumerated {
  return outcome === "success" || outcome === "failure" ? STATUS[outcome] : STATUS.unknown;
}

/** How an event is exported. An event of an unknown type is an API activity with the type as its name. */
export function mappingOf({ event_type, event_data }: OAuthEvent): EventTypeMapping {
  if (Object.hasOwn(MAPPINGS, event_type)) return MAPPINGS[event_type as keyof typeof MAPPINGS];
  return {
    class: "apiActivity",
    activity: other(event_type),
    status: statusOf(event_data),
    severity: SEVERITY.unknown,
  };
}
