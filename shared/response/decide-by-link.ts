import { SECOND_MS, toInstant } from "../core/clock.ts";
import { OAuthMonitoringError } from "../core/oauth-monitoring-error.ts";
import type { Action } from "./action.ts";
import { ActionNotFoundError, findAction } from "./action-store.ts";
import { isLinkExpired, isLinkOf, type LinkKey, readApprovalLink } from "./approval-link.ts";
import type { ActionContext } from "./complete-action.ts";
import { approveAction, rejectAction } from "./decide-action.ts";

/** The action of a link, and the time until which it can be decided. */
export interface OpenedLink {
  readonly action: Action;
  /** End of the link's validity, UTC. */
  readonly expires_at: string;
  /** `topic`, or the webhook to which the link was sent. */
  readonly sent_to: string;
}

/** A decision made with a link, by anyone who has it. */
export interface LinkDecision {
  readonly decision: "approve" | "reject";
  readonly reason: string;
  /** The IP address from which the link is used. */
  readonly ip?: string | undefined;
}

/** Thrown if a link isn't authentic. Doesn't reveal whether the action exists. */
export class InvalidApprovalLinkError extends OAuthMonitoringError {
  override readonly name = "InvalidApprovalLinkError";

  constructor() {
    super("the link is not valid: copy the complete link from the notification");
  }
}

/** Thrown if a link has expired. */
export class ExpiredApprovalLinkError extends OAuthMonitoringError {
  override readonly name = "ExpiredApprovalLinkError";

  constructor() {
    super("the link has expired: decide in the dashboard or on the command line");
  }
}

const wasNotFound = (error: unknown) => {
  if (error instanceof ActionNotFoundError) return undefined;
  throw error;
};

/**
 * Returns the action of a link without changing it. Uses the key only for actions that exist, so a guessed link costs
 * one read.
 *
 * @param link the part after `#approve=`
 * @throws InvalidApprovalLinkError, ExpiredApprovalLinkError, and the errors of the store or the key
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
 * Approves or rejects the action of a link. An action can be decided only once.
 *
 * @throws WrongActionStateError if the action was decided before
 * @throws the errors of `openApprovalLink`, `approveAction` and `rejectAction`
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
