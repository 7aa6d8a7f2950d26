import type { CustomRule } from "../config/custom-rule-parameters.ts";
import { MINUTE_MS, toInstant } from "../core/clock.ts";
import { INCIDENT_QUIET_MS } from "./incidents.ts";
import type { AnomalySubject } from "./rules/anomaly-rule.ts";
import { type RuleCounts, type Tally, tally } from "./rules/custom-rule.ts";

/** An alert that a rule would have raised. */
export interface TriedAlert {
  readonly subject: AnomalySubject;
  /** When the first and the last detection run would have found it, UTC. */
  readonly opened_at: string;
  readonly last_seen_at: string;
  /** Highest count within one window. */
  readonly observed: number;
}

export interface TriedRange {
  readonly fromMs: number;
  readonly toMs: number;
  /** Minutes between two detection runs. */
  readonly everyMinutes: number;
}

/** For each run, yields the count in the window that ends at that run, unless it is zero. */
function* windows(
  minutes: Tally["minutes"],
  windowMs: number,
  { fromMs, toMs, everyMinutes }: TriedRange,
): Generator<readonly [atMs: number, count: number]> {
  const sorted = [...minutes].sort(([a], [b]) => a - b);
  const stepMs = everyMinutes * MINUTE_MS;
  let [first, next, count] = [0, 0, 0];
  for (let atMs = Math.ceil(fromMs / stepMs) * stepMs; atMs <= toMs; atMs += stepMs) {
    for (; (sorted[next]?.[0] ?? Number.POSITIVE_INFINITY) < atMs; next += 1) {
      count += sorted[next]?.[1] ?? 0;
    }
    for (; first < next && (sorted[first]?.[0] ?? 0) < atMs - windowMs; first += 1) {
      count -= sorted[first]?.[1] ?? 0;
    }
    if (count > 0) yield [atMs, count];
  }
}

/**
 * Returns the alerts that a rule would have raised for the given counts, oldest first. As in a real run, findings less
 * than six hours apart form one alert.
 */
export function tryRule(rule: CustomRule, counts: RuleCounts, range: TriedRange): TriedAlert[] {
  const alerts = tally(rule, counts).flatMap(({ subject, minutes }) => {
    const found: { openedMs: number; lastMs: number; observed: number }[] = [];
    for (const [atMs, count] of windows(minutes, rule.windowMinutes * MINUTE_MS, range)) {
      if (count < rule.threshold) continue;
      const last = found.at(-1);
      if (last && atMs - last.lastMs < INCIDENT_QUIET_MS) {
        last.lastMs = atMs;
        last.observed = Math.max(last.observed, count);
      } else found.push({ openedMs: atMs, lastMs: atMs, observed: count });
    }
    return found.map(({ openedMs, lastMs, observed }) => ({
      subject,
      opened_at: toInstant(openedMs),
      last_seen_at: toInstant(lastMs),
      observed,
    }));
  });
  return alerts.sort((a, b) => (a.opened_at < b.opened_at ? -1 : 1));
}

/** Returns each subject's highest count within a window, highest first. The threshold is compared with these counts. */
export function peaks(rule: CustomRule, counts: RuleCounts, range: TriedRange): number[] {
  return tally(rule, counts)
    .map(({ minutes }) => {
      let highest = 0;
      for (const [, count] of windows(minutes, rule.windowMinutes * MINUTE_MS, range)) {
        highest = Math.max(highest, count);
      }
      return highest;
    })
    .filter((peak) => peak > 0)
    .sort((a, b) => b - a);
}
