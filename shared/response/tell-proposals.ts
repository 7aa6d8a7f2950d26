import type { MonitoringConfig } from "../config/monitoring-config.ts";
import type { Action } from "./action.ts";
import { ActionChangedError, listActionsOfState } from "./action-store.ts";
import { type PolicyContext, tell } from "./apply-policies.ts";

/** Maximum proposals to check per run, newest first. `TOLD_A_RUN` limits how many notifications are sent per run. */
const LOOKED_AT = 1000;
const TOLD_A_RUN = 50;

/** Whether the configuration allows received signals to propose actions. */
function hasProposals({ signals }: MonitoringConfig): boolean {
  return (signals?.receiver?.transmitters ?? []).some(({ actions }) =>
    Object.values(actions).includes("propose"),
  );
}

/**
 * Notifies people of actions that received signals have proposed: once per action, oldest first. The signal receiver
 * can't send notifications itself, because it has no access to the alarm topic. Failures are logged, and the next run
 * retries them.
 *
 * Cost: one query per run if signals can propose actions.
 *
 * @returns the actions for which a notification was sent
 */
export async function tellProposals(context: PolicyContext): Promise<readonly Action[]> {
  if (!hasProposals(context.config)) return [];
  const waiting = await listActionsOfState(context, "proposed", LOOKED_AT);
  const untold = waiting.filter(({ actor, told }) => actor.kind === "receiver" && !told).reverse();
  const told: Action[] = [];
  for (const action of untold.slice(0, TOLD_A_RUN)) {
    try {
      told.push(await tell(context, action));
    } catch (error) {
      // Someone has decided on the action since it was read.
      if (error instanceof ActionChangedError) continue;
      context.logger.error("The notification of a proposed action failed; the next run retries", {
        action_id: action.action_id,
        cause: String(error),
      });
    }
  }
  return told;
}
