import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import { DAY_MS, HOUR_MS } from "../core/clock.ts";
import { isOperator } from "../events/ip-enrichment.ts";
import { NO_CLIENT } from "../events/oauth-event.ts";
import { lastHours, type RecentCounts } from "./read-rankings.ts";
import {
  type ClientHistory,
  countWithin,
  getComparableLocations,
  type HourCounts,
  type KnownNetwork,
  type SampledUses,
  type SubjectCount,
  splitValue,
} from "./rules/detection-snapshot.ts";
import {
  FAST_HOURS,
  mostSamplesBefore,
  NOTABLE_SAMPLES,
  SLOW_HOURS,
  samplesIn,
} from "./rules/scraping.ts";
import { unusualHours } from "./rules/usual-range.ts";

/** The period and limits of a detection run. */
interface Scope {
  /** Subjects that were counted since this instant are candidates. */
  readonly sinceMs: number;
  readonly nowMs: number;
  readonly maxCandidates: number;
}

/** Returns the values that were counted since the last run, highest count first. */
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
 * Returns candidate principals. If there are too many, it takes half of them from the highest counts and half from the
 * lowest, because a thief may come only once.
 */
export function findCandidatePrincipals(counts: readonly SubjectCount[], scope: Scope): string[] {
  const all = countedSince(counts, scope).map(([value]) => value);
  if (all.length <= scope.maxCandidates) return all;
  const half = Math.floor(scope.maxCandidates / 2);
  return [...all.slice(0, half), ...all.slice(-half)];
}

/**
 * Minimum failures within two hours that make an address a candidate. `FEW_CREDENTIAL_GUESSES` is the minimum for
 * credential guesses.
 */
const FEW_FAILURES = 10;
const FEW_CREDENTIAL_GUESSES = 4;

/** Returns addresses with repeated credential guesses or failures, and a few addresses with rare guesses. */
export function findCandidateAddresses(
  { counts, credentialGuesses }: RecentCounts,
  credentialGuessHoursByIp: ReadonlyMap<string, HourCounts>,
  scope: Scope,
): string[] {
  const guessing = countedSince(credentialGuesses, scope);
  const failing = countedSince(counts, scope);
  const [hour = 0] = lastHours(scope.nowMs);
  const slow = [...credentialGuessHoursByIp]
    .filter(([, hours]) => [hour, hour - HOUR_MS].every((each) => (hours.get(each) ?? 0) > 0))
    .map(([ip]) => ip);
  const half = Math.ceil(scope.maxCandidates / 2);
  const chosen = [
    ...guessing.filter(([, count]) => count >= FEW_CREDENTIAL_GUESSES).slice(0, half),
    ...guessing.filter(([, count]) => count < FEW_CREDENTIAL_GUESSES).slice(0, 5),
    ...failing.filter(([, count]) => count >= FEW_FAILURES).slice(0, half),
  ].map(([ip]) => ip);
  return [...new Set([...chosen, ...slow.slice(0, 10)])];
}

/**
 * Returns principals that were used at least twice as much as ever before within two or eight hours, largest increase
 * first.
 */
export function findUnusualPrincipals(
  sampled: readonly SampledUses[],
  nowMs: number,
  maxCandidates: number,
): string[] {
  const hourMs = lastHours(nowMs)[1] ?? 0;
  return sampled
    .map(({ principal, hours }) => {
      const more = [FAST_HOURS, SLOW_HOURS].map((length) => {
        const now = samplesIn(hours, hourMs, length);
        const maximum = mostSamplesBefore(hours, hourMs, length);
        return now >= NOTABLE_SAMPLES && now >= 2 * maximum ? now - maximum : 0;
      });
      return { principal, more: Math.max(...more) };
    })
    .filter(({ more }) => more > 0)
    .sort((a, b) => b.more - a.more)
    .slice(0, Math.ceil(maxCandidates / 3))
    .map(({ principal }) => principal);
}

/** Returns how many tokens were issued within a day, to the nearest hour. */
function issuedWithinDay({ lastHour, hours }: ClientHistory, nowMs: number): number {
  let sum = lastHour;
  for (const [startMs, count] of hours) if (startMs >= nowMs - DAY_MS) sum += count;
  return sum;
}

/**
 * Returns candidate clients: clients that requested far more tokens than usual, new clients with enough tokens for
 * consent phishing, and the clients in `novelClients`.
 */
export function findCandidateClients(
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
  novelClients: readonly string[],
  { rules, maxCandidates }: Pick<AnomaliesConfig, "rules" | "maxCandidates">,
): string[] {
  const { days, users } = rules.consent_phishing;
  const limits = {
    ...rules.issuance_rate,
    minimum: Math.min(users, rules.issuance_rate.minimum),
  };
  const unusual = unusualHours(issuance, historyStartMs, nowMs, limits, "tokens");
  // Keeps clients that have stopped requesting tokens, because a collector may wait before using the tokens.
  const young = issuance
    .filter(({ clientId }) => nowMs - (firstSeenMs.get(clientId) ?? nowMs) < days * DAY_MS)
    .filter((client) => issuedWithinDay(client, nowMs) >= users)
    .slice(0, Math.ceil(maxCandidates / 3));
  const clients = [
    ...unusual.map(({ subject }) => subject.id),
    ...young.map(({ clientId }) => clientId),
    ...novelClients,
  ];
  return [...new Set(clients)].filter((id) => id !== NO_CLIENT).slice(0, maxCandidates);
}

/**
 * Returns clients without users that were counted since the last run in a network that wasn't known two hours ago. For
 * a new operator, it considers the whole two hours. A young client without a known network is skipped, because there is
 * nothing to compare with.
 *
 * @param firstSeenMs when each client was first counted
 */
export function clientsInNewNetworks(
  counts: readonly SubjectCount[],
  known: ReadonlyMap<string, readonly KnownNetwork[]>,
  firstSeenMs: ReadonlyMap<string, number>,
  { sinceMs, nowMs }: Scope,
): string[] {
  return counts.flatMap((each) => {
    const [network] = splitValue(each.value);
    // To judge a new operator, its networks are needed, and only events contain them. The client therefore stays a
    // candidate for two hours.
    const fromMs = isOperator(network) ? nowMs - 2 * HOUR_MS : sinceMs;
    if (countWithin(each, fromMs, nowMs) === 0) return [];
    const locations = known.get(each.clientId) ?? [];
    const isYoung = nowMs - (firstSeenMs.get(each.clientId) ?? nowMs) < DAY_MS;
    if (locations.length === 0) return isYoung ? [] : [each.clientId];
    const networks = getComparableLocations(locations, network, { nowMs, learnMs: 0 });
    const isKnown = networks?.some(
      (known) => known.network === network && Date.parse(known.firstSeenAt) < nowMs - 2 * HOUR_MS,
    );
    return isKnown || networks === undefined ? [] : [each.clientId];
  });
}
