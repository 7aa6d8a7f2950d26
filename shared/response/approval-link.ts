import { HOUR_MS, SECOND_MS, toEpochSeconds } from "../core/clock.ts";
import { uuidSchema } from "../events/identifiers.ts";
import type { Action } from "./action.ts";

/** Makes and checks authentication codes with a key that only the stack has. */
export interface LinkKey {
  /** HMAC-SHA-256 (RFC 2104). */
  sign(message: string): Promise<Uint8Array>;
  /** @throws Error when the key cannot be asked; false says that the code is of another message or key */
  verify(message: string, mac: Uint8Array): Promise<boolean>;
}

/** What a link says: which action may be decided about, until when, and to whom the link was sent. */
export interface ApprovalClaims {
  readonly actionId: string;
  readonly expiresAtEpochSeconds: number;
  /** `topic`, or the name of a webhook. */
  readonly sentTo: string;
}

/** A link's claims and its code, not checked yet. */
export interface ReadApprovalLink extends ApprovalClaims {
  readonly mac: Uint8Array;
}

/** Before everything that is signed: the key signs nothing else, and a later form gets another name. */
const PURPOSE = "oauth-monitoring approval link 1";

const MAC_BYTES = 32;

const LINK = /^([0-9a-f-]{36})\.(\d{1,11})\.([A-Za-z][A-Za-z0-9]{0,31})\.([A-Za-z0-9_-]{43})$/;

/** What is signed. No part can have a line break. */
const messageOf = ({ actionId, expiresAtEpochSeconds, sentTo }: ApprovalClaims) =>
  [PURPOSE, actionId, expiresAtEpochSeconds, sentTo].join("\n");

/**
 * The address at which an action can be approved or rejected without signing in. The same action and receiver have the
 * same link, so a notification that is sent again is the same. What authorizes is after the `#`: browsers and link
 * scanners never send that part, so it is in no access log and no `Referer`.
 *
 * @param page the address of the dashboard
 * @param requestedAtMs when the action was proposed; the link ends so many hours later
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
  const mac = Buffer.from(await key.sign(messageOf(claims))).toString("base64url");
  return `${page}#approve=${claims.actionId}.${claims.expiresAtEpochSeconds}.${sentTo}.${mac}`;
}

/** What a link's last part says, before it is checked; undefined when it has not the form of one. */
export function readApprovalLink(text: string): ReadApprovalLink | undefined {
  const [, actionId = "", expires, sentTo = "", code = ""] = LINK.exec(text) ?? [];
  const mac = Buffer.from(code, "base64url");
  if (!uuidSchema.safeParse(actionId).success || mac.length !== MAC_BYTES) return undefined;
  return { actionId, expiresAtEpochSeconds: Number(expires), sentTo, mac };
}

/** Whether a link's time is over. */
export function isLinkExpired(link: ApprovalClaims, nowMs: number): boolean {
  return link.expiresAtEpochSeconds * SECOND_MS <= nowMs;
}

/** Whether a link is ours and of this action. */
export function isLinkOf(
  key: Pick<LinkKey, "verify">,
  { mac, ...claims }: ReadApprovalLink,
  action: Pick<Action, "action_id">,
): Promise<boolean> {
  if (claims.actionId !== action.action_id) return Promise.resolve(false);
  return key.verify(messageOf(claims), mac);
}
