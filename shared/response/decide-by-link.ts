import { SECOND_MS, toInstant } from "../core/clock.ts";
import { OAuthMonitoringError } from "../core/oauth-monitoring-error.ts";
import type { Action } from "./action.ts";
import { ActionNotFoundError, findAction } from "./action-store.ts";
import { isLinkExpired, isLinkOf, type LinkKey, readApprovalLink } from "./approval-link.ts";
import type { ActionContext } from "./complete-action.ts";
import { approveAction, rejectAction } from "./decide-action.ts";

/** What a link opens: the action, and until when it may be decided about. */
export interface OpenedLink {
  readonly action: Action;
  /** UTC. */
  readonly expires_at: string;
  /** `topic`, or the webhook to which the link was sent. */
  readonly sent_to: string;
}

/** What is decided with a link, by whoever has it. */
export interface LinkDecision {
  readonly decision: "approve" | "reject";
  readonly reason: string;
  /** The address from which the link is used. */
  readonly ip?: string | undefined;
}

/** A link is not one of ours. Whether there is such an action is not said. */
export class InvalidApprovalLinkError extends OAuthMonitoringError {
  override readonly name = "InvalidApprovalLinkError";

  constructor() {
    super("the link is not valid: copy the whole of it from the notification");
  }
}

/** A link's time is over. */
export class ExpiredApprovalLinkError extends OAuthMonitoringError {
  override readonly name = "ExpiredApprovalLinkError";

  constructor() {
    super("the link has expired: decide in the dashboard, or on the command line");
  }
}

const wasNotFound = (error: unknown) => {
  if (error instanceof ActionNotFoundError) return undefined;
  throw error;
};

/**
 * Looks at the action of a link, and does nothing. The key is asked only about actions that there are: whoever guesses
 * costs a read.
 *
 * @param link the part after `#approve=`
 * @throws InvalidApprovalLinkError, ExpiredApprovalLinkError; and what the store or the key throws
 */
export async function openApprovalLink(
  context: ActionContext & { readonly linkKey: Pick<LinkKey, "verify"> },
  link: string,
): Promise<OpenedLink> {
  const read = readApprovalLink(link);
  if (!read) throw new InvalidApprovalLinkError();
  if (isLinkExpired(read, context.clock())) throw new ExpiredApprovalLinkError();
  const action = await findAction(context, read.actionId).catch(wasNotFound);
  if (!action || !(await isLinkOf(context.linkKey, read, action))) {
    throw new InvalidApprovalLinkError();
  }
  const expires_at = toInstant(read.expiresAtEpochSeconds * SECOND_MS);
  return { action, expires_at, sent_to: read.sentTo };
}

/**
 * Approves or rejects the action of a link, once: an action that was decided about is not decided about again.
 *
 * @throws WrongActionStateError when it was; and what `openApprovalLink`, `approveAction` and `rejectAction` throw
 */
export async function decideByLink(
  context: ActionContext & { readonly linkKey: Pick<LinkKey, "verify"> },
  link: string,
  { decision, reason, ip }: LinkDecision,
): Promise<OpenedLink> {
  const opened = await openApprovalLink(context, link);
  const decide = decision === "approve" ? approveAction : rejectAction;
  const action = await decide(context, {
    actionId: opened.action.action_id,
    actor: { kind: "link", id: opened.sent_to },
    reason,
    ip,
  });
  return { ...opened, action };
}
