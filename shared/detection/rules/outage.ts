import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { MINUTE_MS } from "../../core/clock.ts";
import { isCredentialGuess } from "../../events/event-facts.ts";
import { NO_CLIENT } from "../../events/oauth-event.ts";
import { type AnomalyRule, formatWindow } from "./anomaly-rule.ts";
import { countWithin } from "./detection-snapshot.ts";
import { usualRange } from "./usual-range.ts";

/** Low risk: a notice, not an attack. */
const OUTAGE_SCORE = 20;

/** Detects that many clients fail for the same reason at the same time. Something is broken; it isn't an attack. */
export const outage: AnomalyRule<AnomaliesConfig["rules"]["outage"]> = {
  name: "outage",
  catches: "failures of many clients at once for one reason: an outage or a mass revocation",
  falsePositives: "a release of many clients at once",
  advice:
    "There is no sign of an attack. Check the identity provider, its keys and the clock, and whether tokens were revoked on purpose.",
  examples: "failures",
  isNotice: true,
  find: (
    { failedReasons, failures, historyStartMs, nowMs },
    { windowMinutes, clients: leastClients, failures: minFailures, ratio },
  ) => {
    const fromMs = nowMs - windowMinutes * MINUTE_MS;
    const reasons = new Map<string, Map<string, number>>();
    for (const each of failedReasons) {
      const count = countWithin(each, fromMs, nowMs);
      if (count === 0 || each.clientId === NO_CLIENT || isCredentialGuess(each.value)) continue;
      const counts = reasons.get(each.value) ?? new Map<string, number>();
      counts.set(each.clientId, (counts.get(each.clientId) ?? 0) + count);
      reasons.set(each.value, counts);
    }
    const usualByReason = new Map(
      failures.map(({ clientId, hours }) => {
        const firstMs = Math.max(historyStartMs, Math.min(...hours.keys()));
        const usual = hours.size > 0 ? usualRange(hours, firstMs, nowMs) : undefined;
        return [clientId, ((usual?.median ?? 0) * windowMinutes) / 60];
      }),
    );
    return [...reasons].flatMap(([reason, clients]) => {
      const affected = [...clients].filter(
        ([clientId, count]) => count >= 3 && count >= ratio * (usualByReason.get(clientId) ?? 0),
      );
      const total = affected.reduce((sum, [, count]) => sum + count, 0);
      if (affected.length < leastClients || total < minFailures) return [];
      return {
        subject: { kind: "reason", id: reason } as const,
        message: `${affected.length} clients were denied with ${reason} ${total} times within ${windowMinutes} minutes; this looks like an outage or a mass revocation, not an attack`,
        score: OUTAGE_SCORE,
        observed: total,
        threshold: minFailures,
        ...formatWindow(fromMs, nowMs),
        evidence: {
          reason,
          denials_by_client: Object.fromEntries(
            affected.sort(([, a], [, b]) => b - a).slice(0, 20),
          ),
        },
      };
    });
  },
};
