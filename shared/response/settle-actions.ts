import { MINUTE_MS } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { Action } from "./action.ts";
import { trackAction } from "./action-event.ts";
import { ActionChangedError, findAction, listOpenWork, saveAction } from "./action-store.ts";
import { type ActionContext, completeAction, settleRevocation } from "./complete-action.ts";
import { settleEverything } from "./everything.ts";

/** Actions that one run looks at. */
const ACTIONS_A_RUN = 500;

/** Tokens and sessions of one action that are marked at a time. */
const MARKED_AT_A_TIME = 500;

/** After such a time nobody is completing a pending action any more. */
const INTERRUPTED_AFTER_MS = MINUTE_MS;

/** What a run of `settleActions` did. */
export interface Settled {
  readonly completed: number;
  readonly settled: number;
  readonly expired: number;
}

/**
 * Does what is left of actions: completes interrupted ones, marks the tokens of large revocations, and notes the
 * blocks whose time is over. What fails is logged and left to the next run.
 *
 * @param deadlineMs no work begins at or after this instant, epoch milliseconds
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
      // Somebody else is at it.
      if (error instanceof ActionChangedError) continue;
      context.logger.error("An action could not be settled; the next run tries again", {
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
  let left = action;
  while (!left.settled && context.clock() < deadlineMs) {
    left =
      left.target.kind === "all"
        ? await settleEverything(context, left, MARKED_AT_A_TIME)
        : await settleRevocation(context, left, MARKED_AT_A_TIME);
  }
  return left.settled ? "settled" : undefined;
}
