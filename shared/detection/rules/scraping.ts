import { SAMPLED_ONE_IN } from "../../audit-log/event-counts.ts";
import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { HOUR_MS } from "../../core/clock.ts";
import { type AnomalyRule, formatWindow } from "./anomaly-rule.ts";
import {
  type HourCounts,
  MAX_EVENTS_BEFORE,
  MAX_RECENT_EVENTS,
  type SampledUses,
} from "./detection-snapshot.ts";
import { newParties, strangeAddresses, summariseHabits } from "./party.ts";
import { RAISED_FROM } from "./risk.ts";
import { isSuccess, type SeenEvent, toPrincipalSubject, toTemplate } from "./seen-event.ts";

/**
 * Window lengths in hours. The short window is the current and the previous hour; the long one (`SLOW_HOURS`) is a
 * working day, for slow scrapers.
 */
export const FAST_HOURS = 2;
export const SLOW_HOURS = 8;
const SCRAPING_POINTS = {
  veryFast: 50, // three times the configured ratio within two hours
  slow: 40, // the configured ratio within eight hours
  fast: 35, // the configured ratio within two hours
  walk: 30, // reads many different resources of an endpoint for the first time
  wideWalk: 15, // ten times as many as ever before
  ascending: 25, // enumerates numeric ids
  newAgent: 20, // a user agent that is new to the principal
  mostOfService: 45, // limit for a service, because batch jobs walk through resources just as a thief does
};
/** Minimum calls before judging how many resources a principal requests. */
const ENOUGH_CALLS = 40;

const oneIn = SAMPLED_ONE_IN;
/**
 * Number of samples in a window that makes a principal a candidate. The principal's events then show the actual number
 * of uses.
 */
export const NOTABLE_SAMPLES = 2;
/** Minimum number of uses to treat as usual. A single sample only shows that there were some uses. */
const LEAST_USUAL = 24;

/** Returns the number of samples in the `length` hours that end with the hour starting at `hourMs`. */
export function samplesIn(hours: HourCounts, hourMs: number, length: number): number {
  let sum = 0;
  for (let back = 0; back < length; back += 1) sum += hours.get(hourMs - back * HOUR_MS) ?? 0;
  return sum;
}

/** Returns the highest number of samples in any earlier window of this length. */
export function mostSamplesBefore(hours: HourCounts, hourMs: number, length: number): number {
  const before = [...hours.keys()].filter((each) => each <= hourMs - length * HOUR_MS);
  return Math.max(0, ...before.map((each) => samplesIn(hours, each, length)));
}

/** Estimates uses from samples. A single sample says little. */
const toUses = (samples: number) => (samples === 1 ? LEAST_USUAL : samples * oneIn);

/** Returns the highest number of uses within `length` hours. The times must be sorted. */
function mostWithin(timesMs: readonly number[], length: number): number {
  let highest = 0;
  let start = 0;
  for (let end = 0; end < timesMs.length; end += 1) {
    while ((timesMs[end] ?? 0) - (timesMs[start] ?? 0) > length * HOUR_MS) start += 1;
    highest = Math.max(highest, end - start + 1);
  }
  return highest;
}

/** Returns the number of calls, the share of distinct resources, and the endpoint with the most resources. */
export function variety(events: readonly SeenEvent[]) {
  const called = events.flatMap(({ endpoint }) => (endpoint === undefined ? [] : [endpoint]));
  const resources = new Set(called);
  const templates = new Map<string, Set<string>>();
  for (const endpoint of called) {
    const template = toTemplate(endpoint);
    templates.set(template, (templates.get(template) ?? new Set()).add(endpoint));
  }
  const [highest] = [...templates].sort(([, a], [, b]) => b.size - a.size);
  return {
    calls: called.length,
    share: resources.size / Math.max(1, called.length),
    endpoint: highest?.[0],
    resources: highest?.[1].size ?? 0,
  };
}

/** Calls count as an enumeration if at least this share of the steps goes up by at most `widest`. */
const ASCENDING = { share: 0.8, widest: 10 };

/** Whether the calls enumerate numeric ids: `/orders/4711`, `/orders/4712` and so on. */
export function isAscending(events: readonly SeenEvent[]): boolean {
  const numbers = events.flatMap(({ endpoint = "" }) => {
    const id = /\/(\d{1,15})$/.exec(endpoint)?.[1];
    return id === undefined ? [] : [Number(id)];
  });
  const steps = numbers.slice(1).map((each, n) => each - (numbers[n] ?? 0));
  const up = steps.filter((step) => step > 0 && step <= ASCENDING.widest);
  return steps.length >= ENOUGH_CALLS / 2 && up.length >= ASCENDING.share * steps.length;
}

/** How often a principal's access is used within some hours, and how often it usually is. */
interface Volume {
  /**
   * Number of uses. This is an exact count if the principal's events include all uses, otherwise an estimate from
   * samples.
   */
  readonly uses: number;
  readonly isCounted: boolean;
  /** Lower bound for the number of uses. */
  readonly sure: number;
  /**
   * The most uses within the same number of hours: by this principal in the past (`own`), and by the client's other
   * users now (`peers`).
   */
  readonly own: number;
  readonly peers: number;
  readonly usual: number;
}

function computeVolume(
  each: SampledUses,
  events: readonly SeenEvent[],
  peers: readonly SampledUses[],
  { hourMs, length }: { readonly hourMs: number; readonly length: number },
): Volume {
  const fromMs = hourMs - (length - 1) * HOUR_MS;
  const uses = events.filter(({ type }) => type === "token_used");
  const before = uses.filter(({ atMs }) => atMs < fromMs).map(({ atMs }) => atMs);
  const counted = uses.length - before.length;
  const estimated = samplesIn(each.hours, hourMs, length) * oneIn;
  // If the list of events is full, it may omit older events.
  const isCounted =
    counted > 0 &&
    counted < MAX_RECENT_EVENTS &&
    (before.length > 0 || counted < MAX_EVENTS_BEFORE);
  // Subtracts two standard errors from an estimate.
  const sure = isCounted
    ? counted
    : Math.max(counted, estimated - 2 * Math.sqrt(estimated * oneIn));
  const sampledBefore = toUses(mostSamplesBefore(each.hours, hourMs, length));
  // Counted uses are more reliable than a single sample.
  const isNoise = sampledBefore === LEAST_USUAL && before.length > 0;
  const own = Math.max(isNoise ? 0 : sampledBefore, mostWithin(before, length));
  const others = peers
    .filter((peer) => peer !== each)
    .map(({ hours }) => toUses(samplesIn(hours, hourMs, length)))
    .sort((a, b) => b - a);
  // A single outlier among the other users doesn't define what is usual.
  const highest = others[others.length < 2 ? 0 : Math.max(1, Math.floor(others.length / 10))] ?? 0;
  return {
    uses: isCounted ? counted : Math.max(counted, estimated),
    isCounted,
    sure: Math.round(sure),
    own,
    peers: highest,
    usual: Math.max(own, highest, LEAST_USUAL),
  };
}

/** Detects access that is used far more than in the past, and far more than other users of the client use theirs. */
export const scraping: AnomalyRule<AnomaliesConfig["rules"]["scraping"]> = {
  name: "scraping",
  catches:
    "a valid token that reads as much as it can, fast or slowly: far more calls than usual, or an enumeration of an endpoint's resources",
  falsePositives:
    "an export or migration that a user started, a load test with a user's token, an unusually busy day of a user",
  advice: "Ask the user or the client's owner. If there is no explanation, revoke the token.",
  examples: "all",
  find: (
    { sampledUses, principals, nowMs },
    { calls: minCalls, slowCalls: minSlowCalls, ratio, resources },
  ) => {
    const hourMs = Math.floor((nowMs - 1) / HOUR_MS) * HOUR_MS;
    const fromMs = hourMs - HOUR_MS;
    const peersByClient = new Map<string, SampledUses[]>();
    for (const each of sampledUses) {
      peersByClient.set(each.clientId, [...(peersByClient.get(each.clientId) ?? []), each]);
    }
    return sampledUses.flatMap((each) => {
      const { principal, clientId } = each;
      const events = principals.get(principal) ?? [];
      const peers = peersByClient.get(clientId) ?? [];
      const fast = computeVolume(each, events, peers, { hourMs, length: FAST_HOURS });
      const slow = computeVolume(each, events, peers, { hourMs, length: SLOW_HOURS });
      const recent = events.filter(({ atMs, type }) => atMs >= fromMs && type === "token_used");
      const walk = variety(recent);
      const before = variety(events.filter((event) => event.atMs < fromMs && isSuccess(event)));
      const isWalk = walk.calls >= ENOUGH_CALLS && walk.share >= 0.7 && walk.resources >= resources;
      const isNewWalk = isWalk && walk.resources >= 3 * before.resources;
      const times = fast.sure / fast.usual;
      const slowTimes = slow.sure / slow.usual;
      const isOdd = newParties(events, fromMs).some((party) => party.isNewAgent);
      const isFast = fast.sure >= minCalls && times >= ratio;
      const isSlow = slow.sure >= minSlowCalls && slowTimes >= ratio;
      const isVeryFast = isFast && times >= 3 * ratio;
      const speed = isVeryFast ? "veryFast" : isSlow ? "slow" : isFast ? "fast" : undefined;
      const speedPoints = speed === undefined ? 0 : SCRAPING_POINTS[speed];
      const points =
        speedPoints +
        (isNewWalk && times >= ratio / 2 ? SCRAPING_POINTS.walk : 0) +
        (isNewWalk && walk.resources >= 10 * Math.max(1, before.resources)
          ? SCRAPING_POINTS.wideWalk
          : 0) +
        (isNewWalk && isAscending(recent) ? SCRAPING_POINTS.ascending : 0) +
        (isOdd ? SCRAPING_POINTS.newAgent : 0);
      // Batch jobs and load tests make services just as busy, so for a service, call volume alone isn't enough.
      const isService = principal.startsWith("token:");
      const score = !isService
        ? points
        : isNewWalk || isOdd
          ? Math.min(points, SCRAPING_POINTS.mostOfService)
          : 0;
      if (score < RAISED_FROM || !(isFast || isSlow || isNewWalk)) return [];
      const subject = toPrincipalSubject(principal);
      const latest = events.at(-1);
      const habits = summariseHabits(events.filter(({ atMs }) => atMs < fromMs));
      const [volume, length] = isSlow && !isFast ? [slow, SLOW_HOURS] : [fast, FAST_HOURS];
      return {
        subject,
        clientId,
        involved: [
          ...strangeAddresses(latest ? [latest] : [], habits),
          ...(latest?.tokenId ? [{ kind: "token", id: latest.tokenId } as const] : []),
        ],
        message: `${subject.kind} ${subject.id} made ${volume.isCounted ? "" : "about "}${volume.uses} calls within ${length} hours; the earlier maximum was about ${volume.own}, and the maximum of the client's other users is about ${volume.peers}${isNewWalk ? `; ${walk.resources} different resources of ${walk.endpoint} in the last ${walk.calls} calls` : ""}`,
        score: Math.min(100, score),
        observed: volume.uses,
        threshold: Math.round(
          Math.max(volume === slow ? minSlowCalls : minCalls, volume.usual * ratio),
        ),
        ...formatWindow(hourMs - (length - 1) * HOUR_MS, nowMs),
        evidence: {
          ...(!volume.isCounted && {
            estimate_error: Math.round(2 * Math.sqrt(volume.uses * oneIn)),
          }),
          usual_calls: volume.usual,
          resources: walk.resources,
          endpoint: walk.endpoint,
          examined_calls: walk.calls,
        },
      };
    });
  },
};
