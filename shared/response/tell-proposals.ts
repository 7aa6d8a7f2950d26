import type { MonitoringConfig } from "../config/monitoring-config.ts";
import type { Action } from "./action.ts";
import { ActionChangedError, listActionsOfState } from "./action-store.ts";
import { type PolicyContext, tell } from "./apply-policies.ts";

/** Proposals that are looked at, the newest first, and those that one run tells of. */
const LOOKED_AT = 1000;
const TOLD_A_RUN = 50;

/** Whether the configuration has signals of other systems that are answered by a proposal. */
function hasProposals({ signals }: MonitoringConfig): boolean {
  return (signals?.receiver?.transmitters ?? []).some(({ actions }) =>
    Object.values(actions).includes("propose"),
  );
}

/**
 * Tells people of actions that received signals propose, each once, the earliest first. What receives signals does not
 * know the alarm topic. What fails is logged and told by the next run.
 *
 * Cost: where signals may propose, a Query a run.
 *
 * @returns the actions that people were told of
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
      // Somebody has decided about it.
      if (error instanceof ActionChangedError) continue;
      context.logger.error("People could not be told of a proposal; the next run tries again", {
        action_id: action.action_id,
        cause: String(error),
      });
    }
  }
  return told;
}
