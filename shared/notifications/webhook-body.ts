import type { WebhookConfig } from "../config/notification-parameters.ts";
import type { Notice } from "./notice.ts";

/** Text from an event, on one line: a break would begin a line that looks like ours. */
const oneLine = (text: string, longest: number) => {
  const line = text.replace(/\s+/g, " ");
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
};

/** On the button that opens the page on which an action is decided about. */
const DECIDE = "Look and decide";

/** Slack's three characters of markup. https://docs.slack.dev/messaging/formatting-message-text */
const slackText = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Markdown of a card stays text: nobody can put a link into a message by the name of a client. */
const cardText = (text: string) => text.replace(/[\\`*_[\]()#~>|-]/g, "\\$&");

/** A message of an incoming webhook of Slack. */
function slackMessage({ title, text, facts, approvalUrl: url }: Notice): object {
  const heading = oneLine(title, 150);
  const section = (words: string) => ({ type: "section", text: { type: "mrkdwn", text: words } });
  const lines = facts.map(
    ([name, value]) => `*${name}:* \`${slackText(oneLine(value, 500)).replaceAll("`", "'")}\``,
  );
  return {
    text: slackText(`${heading} ${oneLine(text, 500)}`.trim()),
    blocks: [
      { type: "header", text: { type: "plain_text", text: heading } },
      ...(text ? [section(slackText(oneLine(text, 2000)))] : []),
      ...(lines.length > 0 ? [section(lines.join("\n"))] : []),
      ...(url === undefined
        ? []
        : [
            {
              type: "actions",
              elements: [{ type: "button", text: { type: "plain_text", text: DECIDE }, url }],
            },
          ]),
    ],
  };
}

/** An adaptive card, as a workflow of Teams takes it. https://adaptivecards.io/explorer/ */
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

/** A notice in the words of a webhook's format. */
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
