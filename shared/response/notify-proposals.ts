import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { sendableJson, sendableText } from "../core/aws-calls.ts";
import { type Action, describeTarget } from "./action.ts";
import { ActionChangedError, listActionsOfState } from "./action-store.ts";
import { notify, type PolicyContext } from "./apply-policies.ts";

/** Maximum proposals to check per run, newest first. `MAX_NOTIFIED_PER_RUN` limits the notifications. */
const MAX_CHECKED = 1000;
const MAX_NOTIFIED_PER_RUN = 50;

/** Whether the configuration allows received signals to propose actions. */
function hasProposals({ signals }: MonitoringConfig): boolean {
  return (signals?.receiver?.transmitters ?? []).some(({ actions }) =>
    Object.values(actions).includes("propose"),
  );
}

/**
 * Notifies people of actions that received signals have proposed: once per action, oldest first. The signal receiver
 * can't send notifications itself, because it has no access to the alarm topic. Failures are logged, and the next run
 * retries them.
 *
 * Cost: one query per run if signals can propose actions.
 *
 * @returns the actions for which a notification was sent
 */
export async function notifyProposals(context: PolicyContext): Promise<readonly Action[]> {
  if (!hasProposals(context.config)) return [];
  const waiting = await listActionsOfState(context, "proposed", MAX_CHECKED);
  const unnotified = waiting
    .filter(({ actor, notified }) => actor.kind === "receiver" && !notified)
    .reverse();
  const notified: Action[] = [];
  for (const action of unnotified.slice(0, MAX_NOTIFIED_PER_RUN)) {
    try {
      notified.push(await notify(context, action));
    } catch (error) {
      // Someone has decided on the action since it was read.
      if (error instanceof ActionChangedError) continue;
      context.logger.error(
        "Failed to send the notification for a proposed action; the next run retries",
        {
          action_id: action.action_id,
          cause: String(error),
        },
      );
    }
  }
  return notified;
}

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
  const summary = `${kind} ${describeTarget(target)}`;
  const more = hits.more ? "more than " : "";
  const text = [
    `Proposed action: ${summary}${until === undefined ? "" : ` until ${until}`}.`,
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
    subject: `Approval needed: ${summary}`.replace(/[^\x20-\x7e]/g, "?").slice(0, 100),
    text,
    json: sendableJson(link === undefined ? action : { ...action, approval_url: link }),
  };
}
