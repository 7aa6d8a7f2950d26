import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { HOUR_MS, toInstant } from "../../core/clock.ts";
import type { AnomalyRule } from "./anomaly-rule.ts";
import { originFacts, originOfAll, placeText } from "./origin-news.ts";
import { isSuccess, type SeenEvent } from "./seen-event.ts";

/** Denial reasons for tokens that were once valid. */
const DEAD: ReadonlySet<string> = new Set(["expired_token", "revoked_token", "inactive_token"]);

/** Maximum share of the denied principals that may also have been allowed from the address. */
const KNOWN_SHARE = 0.3;

/** High risk: a list of tokens from many principals can only come from a leak. */
const DEAD_TOKENS_SCORE = 80;

const holderOf = ({ userId, tokenId }: SeenEvent) => userId ?? tokenId;

function holders(events: readonly SeenEvent[]): Set<string> {
  return new Set(events.map(holderOf).filter((holder) => holder !== undefined));
}

/** Detects dead tokens from many principals at an address that most of those principals have never used. */
export const deadTokens: AnomalyRule<AnomaliesConfig["rules"]["dead_tokens"]> = {
  name: "dead_tokens",
  catches: "an attacker who tries a list of stolen tokens, most of them expired or revoked",
  falsePositives: "an office or a carrier that moves its users to a new address during an outage",
  advice:
    "Block the address. The tokens leaked together: find the source of the leak, and end the sessions of their users.",
  examples: "failures",
  find: ({ addresses, nowMs }, { holders: threshold }) =>
    [...addresses].flatMap(([ip, events]) => {
      const dead = events.filter(
        ({ atMs, reason }) => atMs >= nowMs - HOUR_MS && DEAD.has(reason ?? ""),
      );
      const failed = holders(dead);
      const admitted = holders(events.filter(isSuccess));
      const known = [...failed].filter((holder) => admitted.has(holder)).length;
      const isShared = admitted.size > failed.size / 2;
      if (failed.size < threshold || known > KNOWN_SHARE * failed.size || isShared) return [];
      return [
        {
          subject: { kind: "ip", id: ip } as const,
          clientId: dead[0]?.clientId,
          involved: dead.flatMap(({ tokenId: id }) =>
            id === undefined ? [] : [{ kind: "token", id } as const],
          ),
          message: `${placeText({ ip, origin: originOfAll(events) })} presented expired, revoked or inactive tokens of ${failed.size} principals within an hour; only ${known} of these principals were ever allowed from there`,
          score: DEAD_TOKENS_SCORE,
          observed: failed.size,
          threshold,
          windowStart: toInstant(nowMs - HOUR_MS),
          windowEnd: toInstant(nowMs),
          evidence: {
            holders: [...failed].slice(0, 10),
            holders_let_in: admitted.size,
            ...originFacts(originOfAll(events)),
          },
        },
      ];
    }),
};
