import type { WebhookConfig } from "../config/notification-parameters.ts";
import type { Notice } from "./notice.ts";

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
