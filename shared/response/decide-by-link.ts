import { SECOND_MS, toInstant } from "../core/clock.ts";
import { OAuthMonitoringError } from "../core/oauth-monitoring-error.ts";
import type { Action } from "./action.ts";
import { ActionNotFoundError, findAction } from "./action-store.ts";
import { isLinkExpired, isLinkOf, type LinkKey, readApprovalLink } from "./approval-link.ts";
import type { ActionContext } from "./complete-action.ts";
import { approveAction, rejectAction } from "./decide-action.ts";

/** A link's action, and when the link expires. */
export interface OpenedLink {
  readonly action: Action;
  /** When the link expires, UTC. */
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
 * Returns a link's action without changing it. Uses the key only if the action exists, so a guessed link costs only one
 * read.
 *
 * @param link the part after `#approve=`
 * @throws InvalidApprovalLinkError, ExpiredApprovalLinkError, or any error from DynamoDB or the key
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
 * Approves or rejects a link's action. An action can be decided only once.
 *
 * @throws WrongActionStateError if the action has already been decided
 * @throws any error from `openApprovalLink`, `approveAction` or `rejectAction`
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
