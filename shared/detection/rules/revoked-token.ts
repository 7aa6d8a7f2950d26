import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { HOUR_MS, MINUTE_MS, toInstant } from "../../core/clock.ts";
import type { Anomaly, AnomalyRule } from "./anomaly-rule.ts";
import { countWithin, type DetectionSnapshot } from "./detection-snapshot.ts";
import { isElsewhere, newsPoints, originEvidence, placeText } from "./origin-news.ts";
import { habitsOf, hasNewAgent, strangeAddresses } from "./party.ts";
import { holderSubject, type SeenEvent } from "./seen-event.ts";

/**
 * Minimum number of tokens revoked within a time span for a mass revocation. Programs don't notice a mass revocation,
 * wherever they run.
 */
const MASS = { tokens: 5, withinMs: 5 * MINUTE_MS };

const REVOKED_SCORES = {
  unknownHabits: 45, // a late use, if the principal has no earlier events
  newNetwork: 25, // points if the network is new to the principal
  newAgent: 30, // points if the user agent is new to the principal
  late: 25, // points for a use after the grace period
  lateAfterMass: 10, // the same after a mass revocation, when a program in a new network may simply have moved
};

/** Whether a token was revoked in a mass revocation, either of the client's tokens or of the denied tokens. */
function isOfMany(
  revoked: string,
  clientId: string | undefined,
  { revokedAt, typeCounts }: DetectionSnapshot,
): boolean {
  const atMs = Date.parse(revoked);
  const [fromMs, toMs] = [atMs - MASS.withinMs, atMs + MASS.withinMs];
  const refused = [...revokedAt.values()]
    .map((each) => Date.parse(each))
    .filter((each) => each >= fromMs && each <= toMs).length;
  const counted = typeCounts
    .filter((each) => each.clientId === clientId && each.value === "token_revoked")
    .reduce((sum, each) => sum + countWithin(each, fromMs, toMs), 0);
  return Math.max(refused, counted) >= MASS.tokens;
}

/** Detects that someone else uses a token after it was revoked. */
export const revokedToken: AnomalyRule<AnomaliesConfig["rules"]["revoked_token"]> = {
  name: "revoked_token",
  catches: "a revoked token that is used from a copy, by another party",
  falsePositives: "a client that does not notice revocations and has moved",
  advice: "Block the address. The token leaked: find the source of the leak.",
  examples: "failures",
  find: (snapshot, { graceMinutes }) => {
    const { holders, revokedAt, nowMs } = snapshot;
    const fromMs = nowMs - HOUR_MS;
    return [...holders].flatMap(([holder, events]): Anomaly[] => {
      const uses = events.filter(
        ({ atMs, reason, tokenId }) =>
          atMs >= fromMs && reason === "revoked_token" && revokedAt.has(tokenId ?? ""),
      );
      const [first] = uses;
      if (!first?.tokenId) return [];
      const tokenId = first.tokenId;
      const revoked = revokedAt.get(tokenId) ?? "";
      const graceEndMs = Date.parse(revoked) + graceMinutes * MINUTE_MS;
      const late = uses.filter(({ atMs }) => atMs >= graceEndMs);
      const habits = habitsOf(events.filter(({ atMs }) => atMs < first.atMs));
      const isStrange = (use: SeenEvent) => ({
        network: isElsewhere(habits, use),
        agent: hasNewAgent(habits, use),
      });
      const scored = uses.map((use) => {
        const strange = isStrange(use);
        const isLate = use.atMs >= graceEndMs;
        const points =
          (strange.network ? REVOKED_SCORES.newNetwork : 0) +
          (strange.agent ? REVOKED_SCORES.newAgent : 0) +
          newsPoints(habits, use);
        const isMass = !strange.agent && isOfMany(revoked, first.clientId, snapshot);
        const lateness = REVOKED_SCORES[isMass ? "lateAfterMass" : "late"];
        if (habits.events === 0) {
          return { use, score: isLate ? REVOKED_SCORES.unknownHabits : 0 };
        }
        // A client that retries from its usual network just hasn't noticed the revocation.
        return { use, score: points === 0 ? 0 : points + (isLate ? lateness : 0) };
      });
      const [worst] = scored.sort((a, b) => b.score - a.score);
      if (!worst || worst.score === 0) return [];
      const of = holderSubject(holder);
      return [
        {
          subject: { kind: "token", id: tokenId } as const,
          clientId: first.clientId,
          involved: [...(of.kind === "user" ? [of] : []), ...strangeAddresses(uses, habits)],
          message: `Token ${tokenId} was used ${uses.length} times after it was revoked at ${revoked}, from ${placeText(worst.use)} (${worst.use.agent ?? "no user agent"}); the network or program is new to its principal`,
          score: worst.score,
          observed: uses.length,
          threshold: 1,
          windowStart: toInstant(fromMs),
          windowEnd: toInstant(nowMs),
          evidence: {
            revoked_at: revoked,
            after_grace: late.length,
            usual_networks: [...habits.networks].slice(0, 10),
            ...originEvidence(habits, worst.use),
          },
        },
      ];
    });
  },
};
