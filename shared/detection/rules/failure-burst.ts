import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { MINUTE_MS, toInstant } from "../../core/clock.ts";
import { isGuess } from "../../events/guess-reasons.ts";
import { NO_CLIENT } from "../../events/oauth-event.ts";
import type { AnomalyRule } from "./anomaly-rule.ts";
import { countWithin } from "./detection-snapshot.ts";
import { originFacts, originOfAll, placeText } from "./origin-news.ts";
import { isSuccess, type SeenEvent } from "./seen-event.ts";

/** Maximum share of calls from a shared address that may be credential guesses. */
const SHARED_SHARE = 0.2;

/**
 * Returns how many principals were allowed from an address, and the share of calls that are credential guesses. At a
 * carrier or a company, most calls are allowed.
 */
export function othersAt(events: readonly SeenEvent[]): {
  readonly holders: number;
  readonly guessedShare: number;
} {
  const successes = events.filter(isSuccess);
  const guesses = events.filter(({ reason }) => isGuess(reason)).length;
  return {
    holders: new Set(successes.map(({ userId, tokenId }) => userId ?? tokenId)).size,
    guessedShare: guesses / Math.max(1, guesses + successes.length),
  };
}

/** Whether an address belongs to a carrier or a company, where a few credential guesses are normal. */
export function isSharedAddress(events: readonly SeenEvent[]): boolean {
  const { holders, guessedShare } = othersAt(events);
  return holders >= 3 && guessedShare < SHARED_SHARE;
}

const BURST_SCORES = {
  stranger: 75, // no call from the address was ever allowed
  known: 50, // some principals are also allowed from there
};

/** Detects many credential guesses within minutes from one address. */
export const failureBurst: AnomalyRule<AnomaliesConfig["rules"]["failure_burst"]> = {
  name: "failure_burst",
  catches: "credential guesses (tokens, passwords or client secrets) from one address",
  falsePositives: "a program that keeps trying a deleted token, or a token of another environment",
  advice: "Block the address. If you know the program, give it a valid token.",
  examples: "failures",
  find: ({ guessedIps, addresses, nowMs }, { windowMinutes, perIp }) => {
    const fromMs = nowMs - windowMinutes * MINUTE_MS;
    const totals = new Map<string, { count: number; clients: Map<string, number> }>();
    for (const each of guessedIps) {
      const count = countWithin(each, fromMs, nowMs);
      if (count === 0) continue;
      const total = totals.get(each.value) ?? { count: 0, clients: new Map() };
      total.count += count;
      total.clients.set(each.clientId, (total.clients.get(each.clientId) ?? 0) + count);
      totals.set(each.value, total);
    }
    return [...totals].flatMap(([ip, { count, clients }]) => {
      const events = addresses.get(ip) ?? [];
      if (count < perIp || isSharedAddress(events)) return [];
      const origin = originOfAll(events);
      const others = othersAt(events);
      const [client] = [...clients].sort(([, a], [, b]) => b - a)[0] ?? [];
      const isStranger = others.holders === 0;
      return [
        {
          subject: { kind: "ip", id: ip } as const,
          ...(client !== NO_CLIENT && { clientId: client }),
          message: `${count} credential guesses within ${windowMinutes} minutes from ${placeText({ ip, origin })}; ${isStranger ? "no call from there was ever allowed" : `${others.holders} principals were also allowed from there`}`,
          score: BURST_SCORES[isStranger ? "stranger" : "known"],
          observed: count,
          threshold: perIp,
          windowStart: toInstant(fromMs),
          windowEnd: toInstant(nowMs),
          evidence: {
            guesses_by_client: Object.fromEntries(clients),
            holders_let_in: others.holders,
            ...originFacts(origin),
          },
        },
      ];
    });
  },
};
