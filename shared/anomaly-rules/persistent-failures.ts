import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import { HOUR_MS, toInstant } from "../time/clock.ts";
import type { AnomalyRule } from "./anomaly-rule.ts";

/** One address that fails hour after hour, too slowly for a burst. */
export const persistentFailures: AnomalyRule<AnomaliesConfig["rules"]["persistent_failures"]> = {
  name: "persistent_failures",
  catches: "slow guessing from one address, to stay below rate limits",
  falsePositives: "a monitor or cron job that was never given a good token",
  advice: "Find out who uses the address; block it if nobody knows.",
  examples: "failures",
  find: ({ failedIpHours, nowMs }, { hours, perHour }) => {
    const lastWhole = Math.floor(nowMs / HOUR_MS) * HOUR_MS - HOUR_MS;
    const span = Array.from({ length: hours }, (_, back) => lastWhole - back * HOUR_MS);
    return [...failedIpHours].flatMap(([ip, counts]) => {
      const each = span.map((hour) => counts.get(hour) ?? 0);
      if (each.some((count) => count < perHour)) return [];
      const total = each.reduce((sum, count) => sum + count, 0);
      return [
        {
          subject: { kind: "ip", id: ip } as const,
          message: `${ip} has failed at least ${Math.min(...each)} times in each of the last ${hours} hours`,
          observed: total,
          threshold: hours * perHour,
          windowStart: toInstant(lastWhole - (hours - 1) * HOUR_MS),
          windowEnd: toInstant(lastWhole + HOUR_MS),
          evidence: { failures_by_hour: each.reverse() },
        },
      ];
    });
  },
};
