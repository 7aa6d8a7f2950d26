import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { DAY_MS, HOUR_MS, toInstant } from "../../core/clock.ts";
import { isGuess } from "../../events/guess-reasons.ts";
import type { AnomalyRule } from "./anomaly-rule.ts";
import type { HourCounts } from "./detection-snapshot.ts";
import { othersAt } from "./failure-burst.ts";
import { originFacts, originOfAll, placeText } from "./origin-news.ts";
import type { SeenEvent } from "./seen-event.ts";

/** Maximum variation between a timer's intervals, relative to their mean. */
const TIMER_VARIATION = 0.15;

const PERSISTENT_SCORES = {
  stranger: 70, // no call from the address was ever allowed
  known: 45, // one or two principals are also allowed from there
  shared: 30, // more principals are
  timer: -25, // points for regular intervals, as from a job with a dead token
};

/** Whether guesses come at regular intervals at one endpoint, as from a scheduled job with a dead token. */
function isTimer(events: readonly SeenEvent[]): boolean {
  const guesses = events.filter(({ reason }) => isGuess(reason));
  if (guesses.length < 6 || new Set(guesses.map(({ endpoint }) => endpoint)).size > 1) return false;
  const gaps = guesses.slice(1).map(({ atMs }, n) => atMs - (guesses[n]?.atMs ?? 0));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  return Math.sqrt(variance) < TIMER_VARIATION * mean;
}

/** Whether the address failed as often a day earlier, which means that these failures are normal. */
function wasSo(counts: HourCounts, span: readonly number[]): boolean {
  const sum = (hours: readonly number[]) =>
    hours.reduce((total, hour) => total + (counts.get(hour) ?? 0), 0);
  return sum(span.map((hour) => hour - DAY_MS + 4 * HOUR_MS)) >= sum(span) / 2;
}

/** Detects an address that guesses credentials hour after hour, but too slowly to count as a burst. */
export const persistentFailures: AnomalyRule<AnomaliesConfig["rules"]["persistent_failures"]> = {
  name: "persistent_failures",
  catches: "slow credential guesses from one address, below rate limits",
  falsePositives: "a program with a dead token that calls at irregular times",
  advice: "Find out who uses the address. Block it if the user is unknown.",
  examples: "failures",
  find: ({ guessedIpHours, addresses, nowMs }, { hours, perHour }) => {
    const lastWhole = Math.floor(nowMs / HOUR_MS) * HOUR_MS - HOUR_MS;
    const span = Array.from({ length: hours }, (_, back) => lastWhole - back * HOUR_MS);
    return [...guessedIpHours].flatMap(([ip, counts]) => {
      const each = span.map((hour) => counts.get(hour) ?? 0);
      const events = addresses.get(ip) ?? [];
      if (each.some((count) => count < perHour) || wasSo(counts, span)) return [];
      const { holders } = othersAt(events);
      const origin = originOfAll(events);
      const total = each.reduce((sum, count) => sum + count, 0);
      return [
        {
          subject: { kind: "ip", id: ip } as const,
          message: `At least ${Math.min(...each)} credential guesses in each of the last ${hours} hours from ${placeText({ ip, origin })}; a day earlier there were fewer than half as many`,
          score:
            holders > 2
              ? PERSISTENT_SCORES.shared
              : PERSISTENT_SCORES[holders > 0 ? "known" : "stranger"] +
                (isTimer(events) ? PERSISTENT_SCORES.timer : 0),
          observed: total,
          threshold: hours * perHour,
          windowStart: toInstant(lastWhole - (hours - 1) * HOUR_MS),
          windowEnd: toInstant(lastWhole + HOUR_MS),
          evidence: {
            guesses_by_hour: each.reverse(),
            holders_let_in: holders,
            ...originFacts(origin),
          },
        },
      ];
    });
  },
};
