import { v5 as uuidv5, v7 as uuidv7 } from "uuid";
import { toInstant } from "../core/clock.ts";
import { parseInput } from "../core/faults.ts";
import { OAuthMonitoringError } from "../core/oauth-monitoring-error.ts";
import { withoutTokens } from "../events/redact-text.ts";
import {
  type Action,
  type ActionRequest,
  type Actor,
  type AskedAction,
  actionRequestSchema,
} from "./action.ts";
import { trackAction } from "./action-event.ts";
import { ActionNotFoundError, findAction, insertAction } from "./action-store.ts";
import { type ActionContext, completeAction } from "./complete-action.ts";
import { countHits } from "./count-hits.ts";

/** A key was used before, for another request. */
export class IdempotencyKeyReusedError extends OAuthMonitoringError {
  override readonly name = "IdempotencyKeyReusedError";

  constructor() {
    super("the idempotency key belongs to another request: give each request its own key");
  }
}

/** The namespace of the ids of actions that have a key. */
const ACTION_NAMESPACE = "a3a5d3a8-5f0e-4d3c-8f5f-1c9a51f5a0de";

/** The state in which an action begins. */
const FIRST_STATE = { take: "pending", propose: "proposed", dry_run: "dry_run" } as const;

function idOfKey({ kind, id }: Actor, idempotencyKey: string): string {
  return uuidv5(JSON.stringify([kind, id, idempotencyKey]), ACTION_NAMESPACE);
}

function idOf({ idempotencyKey, actor }: AskedAction, nowMs: number): string {
  return idempotencyKey === undefined ? uuidv7({ msecs: nowMs }) : idOfKey(actor, idempotencyKey);
}

/**
 * Takes an action, proposes it, or records it as if it had been taken, and publishes its event. When it resolves
 * with the state `done`, no call that begins later is let in, whatever kind of token it has and whichever adapter it
 * comes to. A request with the key of an action that was taken answers that action; of one that was interrupted, it
 * completes it.
 *
 * @throws InvalidInputError when the request is not valid; TokenNotFoundError when the target is a token that there is
 * not; TooManyRestrictionsError when the list of blocks is full; IdempotencyKeyReusedError when the key belongs to
 * another request; and what the store or the bus throws: then the action is not confirmed, and a retry with the same
 * key completes it
 */
export async function takeAction(context: ActionContext, request: ActionRequest): Promise<Action> {
  const nowMs = context.clock();
  const asked = parseInput(actionRequestSchema(nowMs), "the action", request);
  const { actor, idempotencyKey: key } = asked;
  const known = key === undefined ? undefined : await findActionOfKey(context, actor, key);
  if (known) return goOn(context, sameAction(known, asked));
  const action = await newAction(context, asked, nowMs);
  return goOn(context, sameAction(await insertAction(context, action), asked));
}

/** The action that an actor has asked for with a key, if there is one. */
export function findActionOfKey(
  context: ActionContext,
  actor: Actor,
  idempotencyKey: string,
): Promise<Action | undefined> {
  return findAction(context, idOfKey(actor, idempotencyKey)).catch((error: unknown) => {
    if (error instanceof ActionNotFoundError) return undefined;
    throw error;
  });
}

/** @throws IdempotencyKeyReusedError when an action is not the one that is asked for */
function sameAction(action: Action, { kind, target, requestDigest }: AskedAction): Action {
  const isSame =
    action.kind === kind &&
    action.target.kind === target.kind &&
    action.target.id === target.id &&
    // Only some senders repeat a request byte for byte. A policy, for example, computes the end of its block again.
    (requestDigest === undefined ||
      action.request_digest === undefined ||
      action.request_digest === requestDigest);
  if (!isSame) throw new IdempotencyKeyReusedError();
  return action;
}

async function newAction(
  context: ActionContext,
  asked: AskedAction,
  nowMs: number,
): Promise<Action> {
  const { kind, target, actor, until, issuedBefore, mode, alertId, requestDigest } = asked;
  const isOfHolder = kind === "revoke" && target.kind !== "token";
  // What is issued within this very millisecond is revoked too.
  const issued_before = issuedBefore ?? toInstant(nowMs + 1);
  return {
    action_id: idOf(asked, nowMs),
    kind,
    target,
    state: FIRST_STATE[mode],
    reason: withoutTokens(asked.reason),
    actor,
    requested_at: toInstant(nowMs),
    hits: await countHits(context, target, nowMs, isOfHolder ? issued_before : undefined),
    ...(until !== undefined && { until }),
    ...(isOfHolder && { issued_before }),
    ...(alertId !== undefined && { alert_id: alertId }),
    ...(requestDigest !== undefined && { request_digest: requestDigest }),
  };
}

/** Does what is left to do for an action that was asked for. */
async function goOn(context: ActionContext, action: Action): Promise<Action> {
  const requestedMs = Date.parse(action.requested_at);
  switch (action.state) {
    case "pending":
      return completeAction(context, action);
    case "proposed":
      await trackAction(context, "action_proposed", action, requestedMs);
      return action;
    case "dry_run":
      await trackAction(context, "action_dry_run", action, requestedMs);
      return action;
    default:
      return action;
  }
}
