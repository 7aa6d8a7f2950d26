import { DORMANT_AFTER_DAYS } from "../../audit-log/counts-of-event.ts";
import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { HOUR_MS, toInstant } from "../../core/clock.ts";
import type { AnomalyRule } from "./anomaly-rule.ts";
import { countWithin } from "./detection-snapshot.ts";
import { newsPoints, originEvidence, placeText, wasAt } from "./origin-news.ts";
import { habitsOf, hasNewAgent, rateOf, strangeAddresses } from "./party.ts";

const DORMANT_POINTS = {
  base: 15, // a use after days without use
  unknownHabits: 30, // the same, if the earlier events have expired
  busy: 20, // as many uses within an hour as configured
  faster: 15, // busy, and at least three times as fast as before
  newAgent: 30, // the user agent is new
  newNetwork: 25, // the network is new
};

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
        DORMANT_POINTS[isKnown ? "base" : "unknownHabits"] +
        (uses >= threshold ? DORMANT_POINTS.busy : 0) +
        (isKnown && uses >= threshold && isFaster ? DORMANT_POINTS.faster : 0) +
        (isNewAgent ? DORMANT_POINTS.newAgent : 0) +
        (isNewNetwork ? DORMANT_POINTS.newNetwork : 0) +
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
