import { v5 as uuidv5, v7 as uuidv7 } from "uuid";
import { toInstant } from "../core/clock.ts";
import { OAuthMonitoringError, parseInput } from "../core/errors.ts";
import { withoutTokens } from "../events/redact-text.ts";
import {
  type Action,
  type ActionRequest,
  type Actor,
  actionRequestSchema,
  type ParsedActionRequest,
  trackAction,
} from "./action.ts";
import { ActionNotFoundError, findAction, insertAction } from "./action-store.ts";
import { type ActionContext, completeAction } from "./complete-action.ts";
import { countHits } from "./everything.ts";

/** Thrown if an idempotency key was already used for a different request. */
export class IdempotencyKeyReusedError extends OAuthMonitoringError {
  override readonly name = "IdempotencyKeyReusedError";

  constructor() {
    super("the idempotency key belongs to another request: use a new key for each request");
  }
}

/** UUID namespace for action IDs that are derived from an idempotency key. */
const ACTION_NAMESPACE = "a3a5d3a8-5f0e-4d3c-8f5f-1c9a51f5a0de";

/** An action's initial state, by mode. */
const FIRST_STATE = { take: "pending", propose: "proposed", dry_run: "dry_run" } as const;

function deriveActionId({ kind, id }: Actor, idempotencyKey: string): string {
  return uuidv5(JSON.stringify([kind, id, idempotencyKey]), ACTION_NAMESPACE);
}

function createActionId({ idempotencyKey, actor }: ParsedActionRequest, nowMs: number): string {
  return idempotencyKey === undefined
    ? uuidv7({ msecs: nowMs })
    : deriveActionId(actor, idempotencyKey);
}

/**
 * Takes an action, proposes it or records a dry run, and publishes its event. When this resolves with the state `done`,
 * every adapter denies all new calls from the target, with any kind of token. If the idempotency key belongs to an
 * existing action, returns that action, completing it first if it was interrupted.
 *
 * @example
 * ```typescript
 * await takeAction(openMonitoring(), {
 *   kind: "block",
 *   target: { kind: "address", id: "203.0.113.7" },
 *   reason: "Credential guesses",
 *   actor: { kind: "administrator", id: "ada" },
 *   until: "2027-01-01T00:00:00.000Z",
 * });
 * ```
 * @throws InvalidInputError if the request is invalid
 * @throws TokenNotFoundError if the target is a token that doesn't exist
 * @throws DenyListFullError if the deny list is full
 * @throws IdempotencyKeyReusedError if the key belongs to a different request
 * @throws any error from DynamoDB or the bus. The action may then be incomplete, and a retry with the same key
 * completes it.
 */
export async function takeAction(context: ActionContext, request: ActionRequest): Promise<Action> {
  const nowMs = context.clock();
  const parsed = parseInput(actionRequestSchema(nowMs), "the action", request);
  const { actor, idempotencyKey: key } = parsed;
  const known = key === undefined ? undefined : await findActionOfKey(context, actor, key);
  if (known) return continueAction(context, requireSameAction(known, parsed));
  const action = await newAction(context, parsed, nowMs);
  return continueAction(context, requireSameAction(await insertAction(context, action), parsed));
}

/** Returns the action that an actor requested with an idempotency key, if any. */
export function findActionOfKey(
  context: ActionContext,
  actor: Actor,
  idempotencyKey: string,
): Promise<Action | undefined> {
  return findAction(context, deriveActionId(actor, idempotencyKey)).catch((error: unknown) => {
    if (error instanceof ActionNotFoundError) return undefined;
    throw error;
  });
}

/** @throws IdempotencyKeyReusedError if the action doesn't match the request */
function requireSameAction(
  action: Action,
  { kind, target, requestDigest }: ParsedActionRequest,
): Action {
  const isSame =
    action.kind === kind &&
    action.target.kind === target.kind &&
    action.target.id === target.id &&
    // Not every retry is byte-for-byte identical. A policy, for example, recomputes the block's end time.
    (requestDigest === undefined ||
      action.request_digest === undefined ||
      action.request_digest === requestDigest);
  if (!isSame) throw new IdempotencyKeyReusedError();
  return action;
}

async function newAction(
  context: ActionContext,
  parsed: ParsedActionRequest,
  nowMs: number,
): Promise<Action> {
  const { kind, target, actor, until, issuedBefore, mode, alertId, requestDigest } = parsed;
  const isForPrincipal = kind === "revoke" && target.kind !== "token";
  // Include tokens issued in the current millisecond.
  const issued_before = issuedBefore ?? toInstant(nowMs + 1);
  return {
    action_id: createActionId(parsed, nowMs),
    kind,
    target,
    state: FIRST_STATE[mode],
    reason: withoutTokens(parsed.reason),
    actor,
    requested_at: toInstant(nowMs),
    hits: await countHits(context, target, nowMs, isForPrincipal ? issued_before : undefined),
    ...(until !== undefined && { until }),
    ...(isForPrincipal && { issued_before }),
    ...(alertId !== undefined && { alert_id: alertId }),
    ...(requestDigest !== undefined && { request_digest: requestDigest }),
  };
}

/** Performs an action's next step, depending on its state. */
async function continueAction(context: ActionContext, action: Action): Promise<Action> {
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
