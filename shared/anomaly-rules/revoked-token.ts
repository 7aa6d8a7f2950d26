import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import { HOUR_MS, MINUTE_MS, toInstant } from "../time/clock.ts";
import type { AnomalyRule } from "./anomaly-rule.ts";
import { countWithin, splitValue } from "./detection-snapshot.ts";

/** A token that is used long after it was revoked. */
export const revokedToken: AnomalyRule<AnomaliesConfig["rules"]["revoked_token"]> = {
  name: "revoked_token",
  catches: "somebody who kept a copy of a revoked token",
  falsePositives: "a client that never learns of revocations and tries again much later",
  advice: "Look at the addresses: an unknown address means that the token leaked.",
  examples: "failures",
  find: ({ failedTokens, revokedAt, nowMs }, { graceMinutes }) =>
    failedTokens.flatMap((each) => {
      const [reason, tokenId] = splitValue(each.value);
      const revoked = revokedAt.get(tokenId);
      if (reason !== "revoked_token" || revoked === undefined) return [];
      const graceEndMs = Date.parse(revoked) + graceMinutes * MINUTE_MS;
      const fromMs = Math.max(nowMs - HOUR_MS, graceEndMs);
      const uses = countWithin(each, fromMs, nowMs);
      if (uses === 0) return [];
      return [
        {
          subject: { kind: "token", id: tokenId } as const,
          clientId: each.clientId,
          message: `Token ${tokenId} was used ${uses} times after it was revoked at ${revoked}`,
          observed: uses,
          threshold: 1,
          windowStart: toInstant(fromMs),
          windowEnd: toInstant(nowMs),
          evidence: { revoked_at: revoked },
        },
      ];
    }),
};
