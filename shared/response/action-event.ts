import { v5 as uuidv5 } from "uuid";
import type { Tracking } from "../events/track-event.ts";
import { trackEvent } from "../events/track-event.ts";
import type { Action } from "./action.ts";

/** UUID namespace for event IDs. Deterministic IDs make publishing idempotent. */
const EVENT_NAMESPACE = "0f6b8f6e-6f0b-4b0c-9c3e-5a3e0b8f3f41";

/** The event types for actions. */
export type ActionEventType =
  | "action_taken"
  | "action_proposed"
  | "action_dry_run"
  | "action_rejected"
  | "action_released"
  | "action_expired";

/** Publishes an action's new state, with its actor, target, reason, end time and hits. Idempotent. */
export async function trackAction(
  tracking: Tracking,
  type: ActionEventType,
  action: Action,
  atMs: number,
): Promise<void> {
  const { target } = action;
  await trackEvent(
    tracking,
    type,
    {
      oauth_client_id: target.kind === "client" ? target.id : undefined,
      user_id: target.kind === "user" ? target.id : undefined,
      token_id: target.kind === "token" ? target.id : undefined,
    },
    {
      action_id: action.action_id,
      action: action.kind,
      target,
      reason: action.reason,
      actor: action.actor,
      hits: action.hits,
      ...(target.kind === "address" && { ip: target.id }),
      ...(target.kind === "session" && { session_id: target.id }),
      ...(action.until !== undefined && { until: action.until }),
      ...(action.issued_before !== undefined && { issued_before: action.issued_before }),
      ...(action.alert_id !== undefined && { alert_id: action.alert_id }),
      ...(action.decided_by && { decided_by: action.decided_by }),
      ...(action.decision_reason !== undefined && { decision_reason: action.decision_reason }),
      ...(action.decided_from !== undefined && { decided_from: action.decided_from }),
    },
    { atMs, id: uuidv5(`${action.action_id} ${type}`, EVENT_NAMESPACE) },
  );
}
