import { HOUR_MS, SECOND_MS, toEpochSeconds, toInstant } from "../core/clock.ts";
import { OAuthMonitoringError } from "../core/errors.ts";
import { uuidSchema } from "../events/identifiers.ts";
import type { Action } from "./action.ts";
import { ActionNotFoundError, findAction } from "./action-store.ts";
import type { ActionContext } from "./complete-action.ts";
import { approveAction, rejectAction } from "./decide-action.ts";

/** Creates and verifies authentication codes with a key that only this stack has. */
export interface LinkKey {
  /** HMAC-SHA-256 (RFC 2104). */
  sign(message: string): Promise<Uint8Array>;
  /**
   * @returns false if the code belongs to a different message or key
   * @throws Error if the key is unavailable
   */
  verify(message: string, mac: Uint8Array): Promise<boolean>;
}

/** The content of a link: action, expiry time and recipient. */
export interface ApprovalClaims {
  readonly actionId: string;
  readonly expiresAtEpochSeconds: number;
  /** `topic` or the name of a webhook. */
  readonly sentTo: string;
}

/** A link's claims and authentication code, not verified yet. */
export interface ReadApprovalLink extends ApprovalClaims {
  readonly mac: Uint8Array;
}

/** Prefix of every signed message. The key signs nothing else, and a future format will use a different prefix. */
const PURPOSE = "oauth-monitoring approval link 1";

const MAC_BYTES = 32;

const LINK = /^([0-9a-f-]{36})\.(\d{1,11})\.([A-Za-z][A-Za-z0-9]{0,31})\.([A-Za-z0-9_-]{43})$/;

/** Builds the message to sign. No part can contain a line break. */
const buildMessage = ({ actionId, expiresAtEpochSeconds, sentTo }: ApprovalClaims) =>
  [PURPOSE, actionId, expiresAtEpochSeconds, sentTo].join("\n");

/**
 * Returns the URL where an action can be approved or rejected without signing in. The same action and recipient always
 * get the same link, so a repeated notification is identical.
 *
 * The claims and the code follow the `#`. Browsers and link scanners never send that part, so it never appears in an
 * access log or a `Referer` header.
 *
 * @param page URL of the dashboard
 * @param action the link expires `validHours` after the action's `requested_at`
 */
export async function approvalLink(
  key: Pick<LinkKey, "sign">,
  page: string,
  action: { readonly action_id: string; readonly requested_at: string },
  { sentTo, validHours }: { readonly sentTo: string; readonly validHours: number },
): Promise<string> {
  const expiresAtMs = Date.parse(action.requested_at) + validHours * HOUR_MS;
  const claims = {
    actionId: action.action_id,
    expiresAtEpochSeconds: toEpochSeconds(expiresAtMs),
    sentTo,
  };
  const mac = Buffer.from(await key.sign(buildMessage(claims))).toString("base64url");
  return `${page}#approve=${claims.actionId}.${claims.expiresAtEpochSeconds}.${sentTo}.${mac}`;
}

/** Parses the part of a link after `#approve=` without verifying it. Returns undefined if the format is wrong. */
export function readApprovalLink(text: string): ReadApprovalLink | undefined {
  const [, actionId = "", expires, sentTo = "", code = ""] = LINK.exec(text) ?? [];
  const mac = Buffer.from(code, "base64url");
  if (!uuidSchema.safeParse(actionId).success || mac.length !== MAC_BYTES) return undefined;
  return { actionId, expiresAtEpochSeconds: Number(expires), sentTo, mac };
}

export function isLinkExpired(link: ApprovalClaims, nowMs: number): boolean {
  return link.expiresAtEpochSeconds * SECOND_MS <= nowMs;
}

/** Whether a link is authentic and belongs to the action. */
export function isLinkFor(
  key: Pick<LinkKey, "verify">,
  { mac, ...claims }: ReadApprovalLink,
  action: Pick<Action, "action_id">,
): Promise<boolean> {
  if (claims.actionId !== action.action_id) return Promise.resolve(false);
  return key.verify(buildMessage(claims), mac);
}

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
  if (!action || !(await isLinkFor(context.linkKey, read, action))) {
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
