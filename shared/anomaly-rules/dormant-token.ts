import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import { HOUR_MS, toInstant } from "../time/clock.ts";
import type { AnomalyRule } from "./anomaly-rule.ts";
import { countWithin, DORMANT_AFTER_DAYS } from "./detection-snapshot.ts";

/** A token that is used heavily after a week or more without use. */
export const dormantToken: AnomalyRule<AnomaliesConfig["rules"]["dormant_token"]> = {
  name: "dormant_token",
  catches: "a forgotten long-lived token that somebody found",
  falsePositives: "monthly and quarterly jobs",
  advice: "Ask the client's owner; give tokens a shorter lifetime.",
  examples: "all",
  find: ({ dormantTokens, usesOfDormant, nowMs }, { uses: threshold }) =>
    dormantTokens.flatMap((each) => {
      const uses = usesOfDormant.get(each.value) ?? 0;
      if (uses < threshold || countWithin(each, nowMs - 2 * HOUR_MS, nowMs) === 0) return [];
      return [
        {
          subject: { kind: "token", id: each.value } as const,
          clientId: each.clientId,
          message: `Token ${each.value} was used at least ${uses} times within an hour, after at least ${DORMANT_AFTER_DAYS} days without use`,
          observed: uses,
          threshold,
          windowStart: toInstant(nowMs - HOUR_MS),
          windowEnd: toInstant(nowMs),
          evidence: {},
        },
      ];
    }),
};
