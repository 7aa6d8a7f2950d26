import { MINUTE_MS } from "../core/clock.ts";
import type { Logger } from "../core/telemetry.ts";
import { type Action, trackAction } from "./action.ts";
import { ActionChangedError, findAction, listOpenWork, saveAction } from "./action-store.ts";
import { type ActionContext, completeAction, settleRevocation } from "./complete-action.ts";
import { settleEverything } from "./everything.ts";

/** Maximum actions per run. */
const ACTIONS_A_RUN = 500;

/** Maximum tokens and sessions of one action to mark in one step. */
const MARKED_AT_A_TIME = 500;

/** Age after which a pending action counts as interrupted. */
const INTERRUPTED_AFTER_MS = MINUTE_MS;

/** The number of actions that a run of `settleActions` handled. */
export interface Settled {
  readonly completed: number;
  readonly settled: number;
  readonly expired: number;
}

/**
 * Finishes open work: completes interrupted actions, marks the remaining tokens for large revocations, and records that
 * blocks have expired. Failures are logged, and the next run retries them.
 *
 * @param deadlineMs no work starts at or after this time, epoch milliseconds
 */
export async function settleActions(
  context: ActionContext & { readonly logger: Logger },
  deadlineMs: number,
): Promise<Settled> {
  const done = { completed: 0, settled: 0, expired: 0 };
  for (const actionId of await listOpenWork(context, ACTIONS_A_RUN)) {
    if (context.clock() >= deadlineMs) break;
    try {
      const work = await settle(context, await findAction(context, actionId), deadlineMs);
      if (work) done[work] += 1;
    } catch (error) {
      // Another process is working on this action.
      if (error instanceof ActionChangedError) continue;
      context.logger.error("An action could not be completed; the next run retries", {
        action_id: actionId,
        cause: String(error),
      });
    }
  }
  return done;
}

async function settle(
  context: ActionContext,
  action: Action,
  deadlineMs: number,
): Promise<keyof Settled | undefined> {
  const nowMs = context.clock();
  if (action.state === "pending") {
    const sinceMs = Date.parse(action.decided_at ?? action.requested_at);
    if (nowMs - sinceMs < INTERRUPTED_AFTER_MS) return undefined;
    await completeAction(context, action);
    return "completed";
  }
  if (action.state !== "done") return undefined;
  if (action.kind === "block") {
    if (Date.parse(action.until as string) > nowMs) return undefined;
    const expired: Action = { ...action, state: "expired" };
    await trackAction(context, "action_expired", expired, Date.parse(action.until as string));
    await saveAction(context, expired, action);
    return "expired";
  }
  let unsettled = action;
  while (!unsettled.settled && context.clock() < deadlineMs) {
    unsettled =
      unsettled.target.kind === "all"
        ? await settleEverything(context, unsettled, MARKED_AT_A_TIME)
        : await settleRevocation(context, unsettled, MARKED_AT_A_TIME);
  }
  return unsettled.settled ? "settled" : undefined;
}
