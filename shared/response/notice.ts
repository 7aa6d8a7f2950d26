import * as z from "zod";
import { NOTICE_TYPES, type WebhookConfig } from "../config/notification-parameters.ts";
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

type NoticeFields = Pick<Notice, "title" | "text" | "facts">;

function alertFields(event: OAuthEvent): NoticeFields {
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

function actionFields(event: OAuthEvent): NoticeFields {
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
export function toNotice(event: OAuthEvent, approvalUrl?: string): Notice | undefined {
  const type = NOTICE_TYPES[event.event_type];
  if (type === undefined) return undefined;
  const {
    title,
    text: words,
    facts,
  } = type.startsWith("alert.") ? alertFields(event) : actionFields(event);
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

/** Puts text from an event on one line, because a line break could forge a line in the message. */
const oneLine = (text: string, longest: number) => {
  const line = text.replace(/\s+/g, " ");
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
};

/** Label of the button that opens the approval page. */
const DECIDE = "Review and decide";

/** Slack's control characters and their escapes. https://docs.slack.dev/messaging/formatting-message-text */
const SLACK_ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/**
 * Escapes text for Slack and puts it on one line. The limit applies to the escaped text, because Slack rejects a
 * message that is too long. Otherwise `&&&…` in a client's name could suppress an alert.
 */
function slackText(text: string, longest: number): string {
  let escaped = "";
  for (const character of oneLine(text, longest)) {
    const next = SLACK_ENTITIES[character] ?? character;
    if (escaped.length + next.length >= longest) return `${escaped}…`;
    escaped += next;
  }
  return escaped;
}

/** Text without markup or emoji codes. */
const plainText = (text: string) => ({ type: "plain_text", text, emoji: false });

/** Escapes Markdown for a card, so that a client's name can't add a link to the message. */
const cardText = (text: string) => text.replace(/[\\`*_[\]()#~>|-]/g, "\\$&");

/**
 * Builds a message for a Slack incoming webhook. Event text appears only as plain text or in code spans, and `verbatim`
 * keeps Slack from turning addresses and names into links.
 * https://docs.slack.dev/reference/block-kit/composition-objects/text-object
 */
function slackMessage({ title, text, facts, approvalUrl: url }: Notice): object {
  const lines = facts.map(
    ([name, value]) => `*${name}:* \`${slackText(value, 500).replaceAll("`", "'")}\``,
  );
  const factList = { type: "mrkdwn", text: lines.join("\n"), verbatim: true };
  return {
    text: slackText(`${oneLine(title, 150)} ${text}`.trim(), 650),
    mrkdwn: false,
    blocks: [
      { type: "header", text: plainText(slackText(title, 150)) },
      ...(text ? [{ type: "section", text: plainText(slackText(text, 2000)) }] : []),
      ...(lines.length > 0 ? [{ type: "section", text: factList }] : []),
      ...(url === undefined
        ? []
        : [
            {
              type: "actions",
              elements: [{ type: "button", text: plainText(DECIDE), url }],
            },
          ]),
    ],
  };
}

/** Builds an Adaptive Card for a Teams workflow. https://adaptivecards.io/explorer/ */
function teamsMessage({ title, text, facts, approvalUrl: url }: Notice): object {
  const block = (words: string, more: object = {}) => ({
    type: "TextBlock",
    text: cardText(words),
    wrap: true,
    ...more,
  });
  return {
    type: "message",
    attachments: [
      {
        contentType: "application/vnd.microsoft.card.adaptive",
        content: {
          $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
          type: "AdaptiveCard",
          version: "1.4",
          ...(url !== undefined && { actions: [{ type: "Action.OpenUrl", title: DECIDE, url }] }),
          body: [
            block(oneLine(title, 150), { weight: "Bolder", size: "Medium" }),
            ...(text ? [block(oneLine(text, 2000))] : []),
            {
              type: "FactSet",
              facts: facts.map(([name, value]) => ({
                title: name,
                value: cardText(oneLine(value, 500)),
              })),
            },
          ],
        },
      },
    ],
  };
}

/** Formats a notification for a webhook. */
export function webhookBody(notice: Notice, format: WebhookConfig["format"]): string {
  switch (format) {
    case "slack":
      return JSON.stringify(slackMessage(notice));
    case "teams":
      return JSON.stringify(teamsMessage(notice));
    default:
      return JSON.stringify({
        type: notice.type,
        timestamp: notice.occurredAt,
        data: notice.data,
      });
  }
}
