import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { HOUR_MS, toInstant } from "../../core/clock.ts";
import type { Anomaly, AnomalyRule } from "./anomaly-rule.ts";
import { isElsewhere, originEvidence, placeText } from "./origin-news.ts";
import { habitsOf, hasNewAgent, strangeAddresses } from "./party.ts";
import { holderSubject } from "./seen-event.ts";

const FOREIGN_SESSION_POINTS = {
  base: 30, // other principals' sessions, as often as configured
  newNetwork: 15, // the network is new to the principal
  newAgent: 25, // the user agent is new to the principal
  several: 15, // different sessions, not one that two users of a browser share
};

/** Detects a principal that presents other users' sessions. */
export const foreignSessions: AnomalyRule<AnomaliesConfig["rules"]["foreign_sessions"]> = {
  name: "foreign_sessions",
  catches: "a principal that presents stolen or guessed sessions with its own token",
  falsePositives:
    "a browser that two users share, which sends one user's session with the other user's token",
  advice: "Block the address, revoke the token, and end the sessions of the users at that address.",
  examples: "failures",
  find: ({ holders, nowMs }, { refusals }) => {
    const fromMs = nowMs - HOUR_MS;
    return [...holders].flatMap(([holder, events]): Anomaly[] => {
      const recent = events.filter(({ atMs }) => atMs >= fromMs);
      const foreign = recent.filter(({ reason }) => reason === "foreign_session");
      const [first] = foreign;
      const last = foreign.at(-1);
      if (!first || !last || foreign.length < refusals) return [];
      const habits = habitsOf(
        events.filter(({ atMs, tokenId }) => atMs < first.atMs && tokenId !== first.tokenId),
      );
      const isNewNetwork = habits.events > 0 && isElsewhere(habits, first);
      const isNewAgent = hasNewAgent(habits, first);
      // An ended session is unknown and never becomes valid again, so an unknown session from before the last foreign
      // one must be a different session.
      const isSeveral = recent.some(
        ({ reason, atMs }) => reason === "unknown_session" && atMs < last.atMs,
      );
      const subject = holderSubject(holder);
      const tokens = new Set(foreign.flatMap(({ tokenId }) => tokenId ?? []));
      return [
        {
          subject,
          clientId: first.clientId,
          involved: [
            ...strangeAddresses(foreign, habits),
            ...[...tokens].map((id) => ({ kind: "token", id }) as const),
          ],
          message: `${subject.kind} ${subject.id} presented other principals' sessions ${foreign.length} times within an hour, from ${placeText(first)} (${first.agent ?? "no user agent"})`,
          score:
            FOREIGN_SESSION_POINTS.base +
            (isNewNetwork ? FOREIGN_SESSION_POINTS.newNetwork : 0) +
            (isNewAgent ? FOREIGN_SESSION_POINTS.newAgent : 0) +
            (isSeveral ? FOREIGN_SESSION_POINTS.several : 0),
          observed: foreign.length,
          threshold: refusals,
          windowStart: toInstant(fromMs),
          windowEnd: toInstant(nowMs),
          evidence: {
            is_new_network: isNewNetwork,
            is_new_user_agent: isNewAgent,
            several_sessions: isSeveral,
            ...originEvidence(habits, first),
          },
        },
      ];
    });
  },
};
