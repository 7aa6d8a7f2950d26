import * as z from "zod";
import {
  appendRestriction,
  confirmRestriction,
  removeRestrictions,
} from "../authorization/restriction-log.ts";
import { toInstant } from "../core/clock.ts";
import { parseInput } from "../core/faults.ts";
import { OAuthMonitoringError } from "../core/oauth-monitoring-error.ts";
import { uuidSchema } from "../events/identifiers.ts";
import { withoutTokens } from "../events/redact-text.ts";
import { type Action, actorSchema, reasonSchema } from "./action.ts";
import { trackAction } from "./action-event.ts";
import { findAction, saveAction } from "./action-store.ts";
import { type ActionContext, completeAction } from "./complete-action.ts";

/** Of an action in its state, what was asked for cannot be done. */
export class WrongActionStateError extends OAuthMonitoringError {
  override readonly name = "WrongActionStateError";
}

const decisionSchema = z.strictObject({
  actionId: uuidSchema,
  actor: actorSchema,
  reason: reasonSchema,
  /** The address of whoever decides, where nothing else says who that is. */
  ip: z.string().max(64).optional(),
});

/** Who decides about an action, and why. */
export type ActionDecision = z.input<typeof decisionSchema>;

const decided = ({ actor, reason, ip }: z.output<typeof decisionSchema>, nowMs: number) => ({
  decided_by: actor,
  decided_at: toInstant(nowMs),
  decision_reason: withoutTokens(reason),
  ...(ip !== undefined && { decided_from: ip }),
});

/**
 * Takes an action that waits for approval. A block lasts as long from now as was proposed. Of two who approve, one
 * does; approving again completes an action that was interrupted.
 *
 * @throws ActionNotFoundError when there is no such action; WrongActionStateError when it does not wait for approval;
 * ActionChangedError when somebody else decided at the same time; and what `takeAction` throws
 */
export async function approveAction(
  context: ActionContext,
  decision: ActionDecision,
): Promise<Action> {
  const asked = parseInput(decisionSchema, "the approval", decision);
  const action = await findAction(context, asked.actionId);
  if (action.state === "pending") return completeAction(context, action);
  if (action.state !== "proposed") throw wrongState(action, "approved", "proposed");
  const nowMs = context.clock();
  const waitedMs = nowMs - Date.parse(action.requested_at);
  const approved: Action = {
    ...action,
    ...decided(asked, nowMs),
    state: "pending",
    ...(action.until !== undefined && { until: toInstant(Date.parse(action.until) + waitedMs) }),
    ...(action.issued_before !== undefined && {
      issued_before: toInstant(Date.parse(action.issued_before) + waitedMs),
    }),
  };
  return completeAction(context, await saveAction(context, approved, action));
}

/**
 * Decides that a proposed action is not taken.
 *
 * @throws ActionNotFoundError, WrongActionStateError, ActionChangedError, as `approveAction`
 */
export async function rejectAction(
  context: ActionContext,
  decision: ActionDecision,
): Promise<Action> {
  const asked = parseInput(decisionSchema, "the rejection", decision);
  const action = await findAction(context, asked.actionId);
  if (action.state !== "proposed") throw wrongState(action, "rejected", "proposed");
  const nowMs = context.clock();
  const rejected: Action = { ...action, ...decided(asked, nowMs), state: "rejected" };
  await saveAction(context, rejected, action);
  await trackAction(context, "action_rejected", rejected, nowMs);
  return rejected;
}

/**
 * Ends a block early. When it resolves, calls that begin later are not blocked by it. Releasing again changes
 * nothing.
 *
 * @throws ActionNotFoundError when there is no such action; WrongActionStateError when it is no block, or does not
 * hold; and what the store or the bus throws: then release it again
 */
export async function releaseAction(
  context: ActionContext,
  decision: ActionDecision,
): Promise<Action> {
  const asked = parseInput(decisionSchema, "the release", decision);
  const action = await findAction(context, asked.actionId);
  if (action.state === "released") return action;
  if (action.kind !== "block") {
    throw new WrongActionStateError(
      "a revocation is for good and cannot be released: the holder needs a new token",
    );
  }
  if (action.state !== "done") throw wrongState(action, "released", "done");
  const nowMs = context.clock();
  const { action_id, target } = action;
  const release = { effect: "release", until: toInstant(nowMs), action_id } as const;
  const seq = await appendRestriction(
    context,
    { ...release, target_kind: target.kind, target_id: target.id },
    nowMs,
  );
  await removeRestrictions(context, action_id, nowMs);
  await confirmRestriction(context, seq);
  const released: Action = { ...action, ...decided(asked, nowMs), state: "released" };
  await trackAction(context, "action_released", released, nowMs);
  return saveAction(context, released, action);
}

function wrongState(
  { state, decided_by: by, decided_at: at }: Action,
  verb: string,
  wanted: string,
): WrongActionStateError {
  const decision = by ? ` (decided at ${at} by ${by.kind} ${by.id})` : "";
  return new WrongActionStateError(
    `the action is ${state}${decision}, and only an action that is ${wanted} can be ${verb}`,
  );
}
