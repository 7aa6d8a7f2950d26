import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import { HOUR_MS, toInstant } from "../time/clock.ts";
import type { AnomalyRule } from "./anomaly-rule.ts";
import { countWithin } from "./detection-snapshot.ts";

/** A one-time credential that is presented twice (RFC 6749, section 4.1.2; RFC 9700, section 4.14). */
export const credentialReuse: AnomalyRule<AnomaliesConfig["rules"]["credential_reuse"]> = {
  name: "credential_reuse",
  catches: "two parties that hold the same authorization code or rotated refresh token",
  falsePositives: "a client that repeats a token request because the response was lost",
  advice: "Revoke the tokens that were issued for the credential, as RFC 6749 requires.",
  examples: "failures",
  find: ({ failedReasons, nowMs }, { reasons }) =>
    failedReasons.flatMap((each) => {
      const uses = countWithin(each, nowMs - HOUR_MS, nowMs);
      if (!reasons.includes(each.value) || uses === 0) return [];
      return [
        {
          subject: { kind: "client", id: each.clientId } as const,
          message: `${each.clientId} had ${uses} refusals with ${each.value} within an hour`,
          observed: uses,
          threshold: 1,
          windowStart: toInstant(nowMs - HOUR_MS),
          windowEnd: toInstant(nowMs),
          evidence: { reason: each.value },
        },
      ];
    }),
};
