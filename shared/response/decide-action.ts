import * as z from "zod";
import {
  appendDenyListEntry,
  confirmDenyListEntry,
  removeDenyListEntries,
} from "../authorization/deny-list-log.ts";
import { toInstant } from "../core/clock.ts";
import { OAuthMonitoringError, parseInput } from "../core/errors.ts";
import { uuidSchema } from "../events/identifiers.ts";
import { withoutTokens } from "../events/redact-text.ts";
import { type Action, actorSchema, reasonSchema, trackAction } from "./action.ts";
import { findAction, saveAction } from "./action-store.ts";
import { type ActionContext, completeAction } from "./complete-action.ts";

/** Thrown if the action's state doesn't allow the request. */
export class WrongActionStateError extends OAuthMonitoringError {
  override readonly name = "WrongActionStateError";
}

const decisionSchema = z.strictObject({
  actionId: uuidSchema,
  actor: actorSchema,
  reason: reasonSchema,
  /** IP address of the person who decides, if nothing else identifies them. */
  ip: z.string().max(64).optional(),
});

/** The actor that decides on an action, and the reason. */
export interface ActionDecision extends z.input<typeof decisionSchema> {}

const decided = ({ actor, reason, ip }: z.output<typeof decisionSchema>, nowMs: number) => ({
  decided_by: actor,
  decided_at: toInstant(nowMs),
  decision_reason: withoutTokens(reason),
  ...(ip !== undefined && { decided_from: ip }),
});

/**
 * Approves a proposed action and takes it. A block keeps its proposed duration, counted from the approval. If two
 * people approve at the same time, one succeeds. Approving again completes an interrupted action.
 *
 * @example
 * ```typescript
 * await approveAction(openMonitoring(), {
 *   actionId,
 *   actor: { kind: "administrator", id: "ada" },
 *   reason: "Confirmed by the user",
 * });
 * ```
 * @throws ActionNotFoundError if the action doesn't exist
 * @throws WrongActionStateError if the action isn't waiting for approval
 * @throws ActionChangedError if someone else decided at the same time
 * @throws any error from `takeAction`
 */
export async function approveAction(
  context: ActionContext,
  decision: ActionDecision,
): Promise<Action> {
  const parsed = parseInput(decisionSchema, "the approval", decision);
  const action = await findAction(context, parsed.actionId);
  if (action.state === "pending") return completeAction(context, action);
  if (action.state !== "proposed") throw wrongState(action, "approved", "proposed");
  const nowMs = context.clock();
  const waitedMs = nowMs - Date.parse(action.requested_at);
  const approved: Action = {
    ...action,
    ...decided(parsed, nowMs),
    state: "pending",
    ...(action.until !== undefined && { until: toInstant(Date.parse(action.until) + waitedMs) }),
    ...(action.issued_before !== undefined && {
      issued_before: toInstant(Date.parse(action.issued_before) + waitedMs),
    }),
  };
  return completeAction(context, await saveAction(context, approved, action));
}

/**
 * Rejects a proposed action.
 *
 * @example
 * ```typescript
 * await rejectAction(openMonitoring(), {
 *   actionId,
 *   actor: { kind: "administrator", id: "ada" },
 *   reason: "Known load test",
 * });
 * ```
 * @throws ActionNotFoundError, WrongActionStateError, ActionChangedError: see `approveAction`
 */
export async function rejectAction(
  context: ActionContext,
  decision: ActionDecision,
): Promise<Action> {
  const parsed = parseInput(decisionSchema, "the rejection", decision);
  const action = await findAction(context, parsed.actionId);
  if (action.state !== "proposed") throw wrongState(action, "rejected", "proposed");
  const nowMs = context.clock();
  const rejected: Action = { ...action, ...decided(parsed, nowMs), state: "rejected" };
  await saveAction(context, rejected, action);
  await trackAction(context, "action_rejected", rejected, nowMs);
  return rejected;
}

/**
 * Ends a block early. Once this resolves, new calls are no longer blocked. Idempotent.
 *
 * @example
 * ```typescript
 * await releaseAction(openMonitoring(), {
 *   actionId,
 *   actor: { kind: "administrator", id: "ada" },
 *   reason: "False alarm",
 * });
 * ```
 * @throws ActionNotFoundError if the action doesn't exist
 * @throws WrongActionStateError if the action isn't a block or isn't in effect
 * @throws any error from DynamoDB or the bus. Call this again to complete the release.
 */
export async function releaseAction(
  context: ActionContext,
  decision: ActionDecision,
): Promise<Action> {
  const parsed = parseInput(decisionSchema, "the release", decision);
  const action = await findAction(context, parsed.actionId);
  if (action.state === "released") return action;
  if (action.kind !== "block") {
    throw new WrongActionStateError(
      "a revocation is permanent and cannot be released: issue a new token",
    );
  }
  if (action.state !== "done") throw wrongState(action, "released", "done");
  const nowMs = context.clock();
  const { action_id, target } = action;
  const release = { effect: "release", until: toInstant(nowMs), action_id } as const;
  const seq = await appendDenyListEntry(
    context,
    { ...release, target_kind: target.kind, target_id: target.id },
    nowMs,
  );
  await removeDenyListEntries(context, action_id, nowMs);
  await confirmDenyListEntry(context, seq);
  const released: Action = { ...action, ...decided(parsed, nowMs), state: "released" };
  await trackAction(context, "action_released", released, nowMs);
  return saveAction(context, released, action);
}

function wrongState(
  { state, decided_by: by, decided_at: at }: Action,
  verb: string,
  required: string,
): WrongActionStateError {
  const decision = by ? ` (decided at ${at} by ${by.kind} ${by.id})` : "";
  return new WrongActionStateError(
    `the action is ${state}${decision}: only an action that is ${required} can be ${verb}`,
  );
}
