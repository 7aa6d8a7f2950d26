import { sendableJson, sendableText } from "../core/message-text.ts";
import type { Action } from "./action.ts";
import { describeTarget } from "./action-target.ts";

/** A notification about a proposed action, as text for people and as JSON for programs. */
export interface ProposalNotification {
  /** At most 100 printable ASCII characters, the limit of SNS. */
  readonly subject: string;
  /** Like `json`, contains only characters that SNS accepts. */
  readonly text: string;
  readonly json: string;
}

/**
 * Creates the notification for an action that is waiting for approval.
 *
 * @param link URL where the action can be approved or rejected without signing in
 */
export function proposalNotification(action: Action, link?: string): ProposalNotification {
  const { action_id, kind, target, reason, hits, until } = action;
  const what = `${kind} ${describeTarget(target)}`;
  const more = hits.more ? "more than " : "";
  const text = [
    `Proposed action: ${what}${until === undefined ? "" : ` until ${until}`}.`,
    `Reason: ${reason}`,
    `It would affect ${more}${hits.tokens} active tokens and ${hits.sessions} active sessions.`,
    "",
    "Approve or reject it in the dashboard or on the command line:",
    `  oauth-monitoring actions approve ${action_id} --reason "..."`,
    `  oauth-monitoring actions reject ${action_id} --reason "..."`,
    ...(link === undefined
      ? []
      : [
          "",
          "Or review and decide with this link. Anyone who has the link can use it:",
          `  ${link}`,
        ]),
  ]
    // Remove line breaks, because a line break in a target's ID could forge a line in this message.
    .map((line) => sendableText(line.replace(/[\r\n]/g, "?")))
    .join("\n");
  return {
    subject: `Approval needed: ${what}`.replace(/[^\x20-\x7e]/g, "?").slice(0, 100),
    text,
    json: sendableJson(link === undefined ? action : { ...action, approval_url: link }),
  };
}
