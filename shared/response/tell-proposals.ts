import type { MonitoringConfig } from "../config/monitoring-config.ts";
import type { Action } from "./action.ts";
import { ActionChangedError, listActionsOfState } from "./action-store.ts";
import { type PolicyContext, tell } from "./apply-policies.ts";

/** Maximum proposals to check, newest first. `TOLD_A_RUN` is the maximum to notify per run. */
const LOOKED_AT = 1000;
const TOLD_A_RUN = 50;

/** Whether the configuration lets received signals propose actions. */
function hasProposals({ signals }: MonitoringConfig): boolean {
  return (signals?.receiver?.transmitters ?? []).some(({ actions }) =>
    Object.values(actions).includes("propose"),
  );
}

/**
 * Notifies people of actions that received signals propose: each once, earliest first. The receiver of signals can't do
 * this, because it has no access to the alarm topic. Failures are logged, and the next run retries them.
 *
 * Cost: one query per run if signals can propose actions.
 *
 * @returns the actions that people were notified of
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
      // The action was decided in the meantime.
      if (error instanceof ActionChangedError) continue;
      context.logger.error("The notification of a proposed action failed; the next run retries", {
        action_id: action.action_id,
        cause: String(error),
      });
    }
  }
  return told;
}
