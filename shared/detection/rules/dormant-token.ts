import { DORMANT_AFTER_DAYS } from "../../audit-log/counts-of-event.ts";
import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { HOUR_MS, toInstant } from "../../core/clock.ts";
import type { AnomalyRule } from "./anomaly-rule.ts";
import { countWithin } from "./detection-snapshot.ts";
import { newsPoints, originEvidence, placeText, wasAt } from "./origin-news.ts";
import { habitsOf, hasNewAgent, rateOf, strangeAddresses } from "./party.ts";

/** Detects a token that hasn't been used for days and is now used by someone else, or heavily. */
export const dormantToken: AnomalyRule<AnomaliesConfig["rules"]["dormant_token"]> = {
  name: "dormant_token",
  catches: "a forgotten long-lived token that is used again, from elsewhere or heavily",
  falsePositives: "a weekly or monthly job that has moved",
  advice: "Ask the client's owner. Give tokens a shorter lifetime.",
  examples: "all",
  find: ({ dormantTokens, holders, nowMs }, { uses: threshold }) =>
    dormantTokens.flatMap((each) => {
      const all = holders.get(`token:${each.value}`) ?? [];
      const recent = all.filter(
        ({ atMs, type }) => atMs >= nowMs - 2 * HOUR_MS && type === "token_used",
      );
      const uses = recent.filter(({ atMs }) => atMs >= nowMs - HOUR_MS).length;
      const [first] = recent;
      if (!first || countWithin(each, nowMs - 2 * HOUR_MS, nowMs) === 0) return [];
      const before = all.filter(({ atMs }) => atMs < first.atMs);
      const habits = habitsOf(before);
      const isFaster =
        rateOf(recent) >= 3 * rateOf(before.filter(({ type }) => type === "token_used"));
      const isKnown = habits.events > 0;
      // Earlier events may have expired. In that case, the rule compares only the previous network and the number of
      // calls.
      const isNewNetwork = isKnown
        ? !wasAt(habits, first)
        : first.previousNetwork !== undefined && first.previousNetwork !== first.network;
      const isNewAgent = hasNewAgent(habits, first);
      const score =
        (isKnown ? 15 : 30) +
        (uses >= threshold ? 20 : 0) +
        (isKnown && uses >= threshold && isFaster ? 15 : 0) +
        (isNewAgent ? 30 : 0) +
        (isNewNetwork ? 25 : 0) +
        (isKnown ? newsPoints(habits, first) : 0);
      return [
        {
          subject: { kind: "token", id: each.value } as const,
          clientId: each.clientId,
          involved: strangeAddresses([first], habits),
          message: `Token ${each.value} was used ${uses} times within an hour from ${placeText(first)} (${first.agent ?? "no user agent"}), after at least ${DORMANT_AFTER_DAYS} days without use`,
          score,
          observed: uses,
          threshold,
          windowStart: toInstant(nowMs - HOUR_MS),
          windowEnd: toInstant(nowMs),
          evidence: {
            is_new_network: isNewNetwork,
            is_new_user_agent: isNewAgent,
            usual_networks: [...habits.networks].slice(0, 10),
            ...originEvidence(habits, first),
          },
        },
      ];
    }),
};
