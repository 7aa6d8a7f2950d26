import * as z from "zod";
import { NOTICE_TYPES } from "../config/notification-parameters.ts";
import type { OAuthEvent } from "../events/oauth-event.ts";

/** A notification for people: a title, a sentence and a list of facts. */
export interface Notice {
  /** The type in the Standard Webhooks format, such as `alert.opened`. */
  readonly type: string;
  /** The event's ID. Every delivery attempt uses the same ID. */
  readonly id: string;
  /** When the event occurred, UTC. */
  readonly occurredAt: string;
  readonly title: string;
  readonly text: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** URL where the action can be approved or rejected. */
  readonly approvalUrl?: string;
  /** The event's data, for programs. */
  readonly data: Readonly<Record<string, unknown>>;
}

const text = z.string().catch("");

const alertSchema = z.object({
  message: text,
  rule: text,
  advice: text,
  subject: z.object({ kind: text, id: text }).catch({ kind: "", id: "" }),
  observed: z.number().optional().catch(undefined),
  threshold: z.number().optional().catch(undefined),
});

const actionSchema = z.object({
  action: text,
  reason: text,
  until: z.string().optional().catch(undefined),
  target: z.object({ kind: text, id: text }).catch({ kind: "", id: "" }),
  actor: z.object({ kind: text, id: text }).catch({ kind: "", id: "" }),
  hits: z.object({ tokens: z.number(), sessions: z.number() }).optional().catch(undefined),
});

const ACTION_TITLES: Readonly<Record<string, string>> = {
  action_taken: "Action taken",
  action_proposed: "Approval needed",
  action_released: "Block released",
};

type Told = Pick<Notice, "title" | "text" | "facts">;

function ofAlert(event: OAuthEvent): Told {
  const { message, rule, advice, subject, observed, threshold } = alertSchema.parse(
    event.event_data,
  );
  const isOpen = event.event_type === "suspicious_activity";
  return {
    title: `${isOpen ? "OAuth alert" : "Resolved"}: ${rule || "suspicious activity"}`,
    text: message,
    facts: [
      ["Subject", `${subject.kind} ${subject.id}`.trim()],
      ["Client", event.oauth_client_id ?? ""],
      ["Observed", observed === undefined ? "" : `${observed} (threshold ${threshold})`],
      ["What to do", isOpen ? advice : ""],
    ],
  };
}

function ofAction(event: OAuthEvent): Told {
  const { action, reason, until, target, actor, hits } = actionSchema.parse(event.event_data);
  return {
    title:
      `${ACTION_TITLES[event.event_type]}: ${action} ${target.kind === "all" ? "all principals" : `${target.kind} ${target.id}`}`.trim(),
    text: reason,
    facts: [
      ["By", `${actor.kind} ${actor.id}`.trim()],
      ["Until", until ?? ""],
      ["Affected", hits ? `${hits.tokens} tokens, ${hits.sessions} sessions` : ""],
    ],
  };
}

/**
 * Creates the notification for an event.
 *
 * @param approvalUrl URL where the proposed action can be approved or rejected
 * @returns undefined if the event needs no notification
 */
export function noticeOf(event: OAuthEvent, approvalUrl?: string): Notice | undefined {
  const type = NOTICE_TYPES[event.event_type];
  if (type === undefined) return undefined;
  const {
    title,
    text: words,
    facts,
  } = type.startsWith("alert.") ? ofAlert(event) : ofAction(event);
  return {
    type,
    id: event.id,
    occurredAt: event.occurred_at,
    title,
    text: words,
    facts: facts.filter(([, value]) => value !== ""),
    data: {
      event_type: event.event_type,
      ...(event.oauth_client_id !== undefined && { oauth_client_id: event.oauth_client_id }),
      ...(event.user_id !== undefined && { user_id: event.user_id }),
      ...event.event_data,
      ...(approvalUrl !== undefined && { approval_url: approvalUrl }),
    },
    ...(approvalUrl !== undefined && { approvalUrl }),
  };
}
