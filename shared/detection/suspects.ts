import {
  type ClientHistory,
  countWithin,
  type HourCounts,
  type SampledUses,
  type SubjectCount,
} from "../anomaly-rules/detection-snapshot.ts";
import { estimate } from "../anomaly-rules/scraping.ts";
import { unusualHours } from "../anomaly-rules/unusual-hours.ts";
import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import { NO_CLIENT } from "../envelope/oauth-event.ts";
import { DAY_MS, HOUR_MS } from "../time/clock.ts";
import { lastHours, type RecentCounts } from "./read-rankings.ts";

/** Whom a run looks at. */
interface Scope {
  /** Who was counted since the last run is looked at. */
  readonly sinceMs: number;
  readonly nowMs: number;
  readonly mostSuspects: number;
}

/** The values counted since the last run, the most first. */
function countedSince(
  counts: readonly SubjectCount[],
  { sinceMs, nowMs }: Pick<Scope, "sinceMs" | "nowMs">,
): [string, number][] {
  const totals = new Map<string, number>();
  for (const each of counts) {
    if (countWithin(each, sinceMs, nowMs) === 0) continue;
    const count = countWithin(each, nowMs - 2 * HOUR_MS, nowMs);
    totals.set(each.value, (totals.get(each.value) ?? 0) + count);
  }
  return [...totals].sort(([, a], [, b]) => b - a);
}

/**
 * Holders to look at. Of too many, one half are those that were counted most, and one half those that were counted
 * least: a thief may come once.
 */
export function suspectHolders(counts: readonly SubjectCount[], scope: Scope): string[] {
  const all = countedSince(counts, scope).map(([value]) => value);
  if (all.length <= scope.mostSuspects) return all;
  const half = Math.floor(scope.mostSuspects / 2);
  return [...all.slice(0, half), ...all.slice(-half)];
}

/** Failures of an address in two hours from which it is looked at, and guesses. */
const FEW_FAILURES = 10;
const FEW_GUESSES = 4;

/** Addresses that guess or fail repeatedly, and a few of those that guess once. */
export function suspectAddresses(
  { counts, guesses }: RecentCounts,
  guessedIpHours: ReadonlyMap<string, HourCounts>,
  scope: Scope,
): string[] {
  const guessing = countedSince(guesses, scope);
  const failing = countedSince(counts, scope);
  const [hour = 0] = lastHours(scope.nowMs);
  const slow = [...guessedIpHours]
    .filter(([, hours]) => [hour, hour - HOUR_MS].every((each) => (hours.get(each) ?? 0) > 0))
    .map(([ip]) => ip);
  const most = Math.ceil(scope.mostSuspects / 2);
  const chosen = [
    ...guessing.filter(([, count]) => count >= FEW_GUESSES).slice(0, most),
    ...guessing.filter(([, count]) => count < FEW_GUESSES).slice(0, 5),
    ...failing.filter(([, count]) => count >= FEW_FAILURES).slice(0, most),
  ].map(([ip]) => ip);
  return [...new Set([...chosen, ...slow.slice(0, 10)])];
}

/** Samples from which a holder may be unusual. */
const NOTABLE_SAMPLES = 4;

/** Holders that are used at least twice as much as ever before, the busiest first. */
export function unusualHolders(
  sampled: readonly SampledUses[],
  nowMs: number,
  mostSuspects: number,
): string[] {
  const hourMs = lastHours(nowMs)[1] ?? 0;
  return sampled
    .map((uses) => {
      const before = [...uses.hours.keys()].filter((hour) => hour <= hourMs - 2 * HOUR_MS);
      const most = Math.max(0, ...before.map((hour) => estimate(uses.hours, hour)));
      return { holder: uses.holder, now: estimate(uses.hours, hourMs), most };
    })
    .filter(({ now, most }) => now >= estimateOf(NOTABLE_SAMPLES) && now >= 2 * most)
    .sort((a, b) => b.now - a.now)
    .slice(0, Math.ceil(mostSuspects / 3))
    .map(({ holder }) => holder);
}

const estimateOf = (samples: number) => estimate(new Map([[0, samples]]), 0);

/** Tokens issued in an hour that make a young client worth a look. */
const FEW_TOKENS = 5;

/** Clients that get far more tokens than usual, young ones that get any number, and those with new consents. */
export function suspectClients(
  {
    issuance,
    firstSeenMs,
    historyStartMs,
    nowMs,
  }: {
    readonly issuance: readonly ClientHistory[];
    readonly firstSeenMs: ReadonlyMap<string, number>;
    readonly historyStartMs: number;
    readonly nowMs: number;
  },
  consenting: readonly string[],
  { rules, mostSuspects }: Pick<AnomaliesConfig, "rules" | "mostSuspects">,
): string[] {
  const { days } = rules.consent_phishing;
  const unusual = unusualHours(issuance, historyStartMs, nowMs, rules.issuance_rate, "tokens");
  const young = issuance.filter(
    ({ clientId, lastHour }) =>
      lastHour >= FEW_TOKENS && nowMs - (firstSeenMs.get(clientId) ?? nowMs) < days * DAY_MS,
  );
  const clients = [
    ...unusual.map(({ subject }) => subject.id),
    ...young.map(({ clientId }) => clientId),
    ...consenting,
  ];
  return [...new Set(clients)].filter((id) => id !== NO_CLIENT).slice(0, mostSuspects);
}
