import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import { HOUR_MS, toInstant } from "../time/clock.ts";
import type { AnomalyRule } from "./anomaly-rule.ts";
import type { HourCounts, SampledUses } from "./detection-snapshot.ts";
import { newParties } from "./party.ts";
import { RAISED_FROM } from "./risk.ts";
import { holderSubject, isSuccess, type SeenEvent, templateOf } from "./seen-event.ts";

/** The hour under way and the one before it. */
const WINDOW_HOURS = 2;
/** A batch that walks through resources looks like a thief who does. */
const MOST_OF_SERVICE = 45;
/** Calls that show how many resources a holder asks for. */
const ENOUGH_CALLS = 40;

/** One use in so many is sampled: a count of them times this is the number of uses, give or take its square root. */
export const SAMPLED_ONE_IN = 24;
const oneIn = SAMPLED_ONE_IN;

/** The uses of the window that ends with the hour of `nowMs`, estimated from the sample. */
export function estimate(hours: HourCounts, hourMs: number): number {
  let sum = 0;
  for (let back = 0; back < WINDOW_HOURS; back += 1) {
    sum += hours.get(hourMs - back * HOUR_MS) ?? 0;
  }
  return sum * oneIn;
}

/** The most uses in any such window before the present one. */
function mostBefore({ hours }: SampledUses, hourMs: number): number {
  const before = [...hours.keys()].filter((each) => each <= hourMs - WINDOW_HOURS * HOUR_MS);
  return Math.max(0, ...before.map((each) => estimate(hours, each)));
}

/** How many of the calls ask for a resource that no other of them asks for, and at how many endpoints. */
export function variety(events: readonly SeenEvent[]) {
  const called = events.flatMap(({ endpoint }) => (endpoint === undefined ? [] : [endpoint]));
  const resources = new Set(called);
  const templates = new Map<string, Set<string>>();
  for (const endpoint of called) {
    const template = templateOf(endpoint);
    templates.set(template, (templates.get(template) ?? new Set()).add(endpoint));
  }
  const [most] = [...templates].sort(([, a], [, b]) => b.size - a.size);
  return {
    calls: called.length,
    share: resources.size / Math.max(1, called.length),
    endpoint: most?.[0],
    resources: most?.[1].size ?? 0,
  };
}

/** A user's access that is used far more than its own, and that of the client's other users. */
export const scraping: AnomalyRule<AnomaliesConfig["rules"]["scraping"]> = {
  name: "scraping",
  catches:
    "a good token that takes all it can: far more calls than usual, or a walk through the resources of an endpoint",
  falsePositives: "an export or a migration that a user started, a load test with a user's token",
  advice: "Ask the user or the client's owner. If nobody explains it, revoke the token.",
  examples: "all",
  find: ({ sampledUses, holders, nowMs }, { calls: least, ratio, resources }) => {
    const hourMs = Math.floor((nowMs - 1) / HOUR_MS) * HOUR_MS;
    const fromMs = hourMs - HOUR_MS;
    const most = new Map<string, number[]>();
    for (const each of sampledUses) {
      const all = most.get(each.clientId) ?? [];
      most.set(each.clientId, [...all, estimate(each.hours, hourMs)]);
    }
    return sampledUses.flatMap((each) => {
      const { holder, clientId } = each;
      const events = holders.get(holder) ?? [];
      const seen = estimate(each.hours, hourMs);
      // The sample is off by its square root; what is left after two of these is sure.
      const sure = seen - 2 * Math.sqrt(seen * oneIn);
      const own = mostBefore(each, hourMs);
      const peers = (most.get(clientId) ?? []).sort((a, b) => b - a).filter((n) => n !== seen);
      const usual = Math.max(own, peers[Math.floor(peers.length / 10)] ?? 0, oneIn);
      const walk = variety(
        events.filter(({ atMs, type }) => atMs >= fromMs && type === "token_used"),
      );
      const before = variety(events.filter((one) => one.atMs < fromMs && isSuccess(one)));
      const isWalk = walk.calls >= ENOUGH_CALLS && walk.share >= 0.7 && walk.resources >= resources;
      const isNewWalk = isWalk && walk.resources >= 3 * before.resources;
      const times = sure / usual;
      const isOdd = newParties(events, fromMs).some((party) => party.isNewAgent);
      const points =
        (sure >= least && times >= ratio ? 35 : 0) +
        (sure >= least && times >= 3 * ratio ? 15 : 0) +
        (isNewWalk && times >= ratio / 2 ? 30 : 0) +
        (isNewWalk && walk.resources >= 10 * Math.max(1, before.resources) ? 15 : 0) +
        (isOdd ? 20 : 0);
      // A service's batches and load tests are as busy, so its tokens need more than calls to show.
      const isService = holder.startsWith("token:");
      const score = !isService
        ? points
        : isNewWalk || isOdd
          ? Math.min(points, MOST_OF_SERVICE)
          : 0;
      if (score < RAISED_FROM || (sure < least && !isNewWalk)) return [];
      const subject = holderSubject(holder);
      const latest = events.at(-1);
      return [
        {
          subject,
          clientId,
          involved: [
            ...(latest?.ip ? [{ kind: "ip", id: latest.ip } as const] : []),
            ...(latest?.tokenId ? [{ kind: "token", id: latest.tokenId } as const] : []),
          ],
          message: `About ${seen} calls by ${subject.kind} ${subject.id} within two hours; its most was ${own}, and that of the client's other users is ${peers[0] ?? 0}${isNewWalk ? `; ${walk.resources} different resources of ${walk.endpoint} in the last ${walk.calls} calls` : ""}`,
          score: Math.min(100, score),
          observed: seen,
          threshold: Math.round(Math.max(least, usual * ratio)),
          windowStart: toInstant(fromMs),
          windowEnd: toInstant(nowMs),
          evidence: {
            estimate_is_off_by: Math.round(2 * Math.sqrt(seen * oneIn)),
            usual_calls: usual,
            resources: walk.resources,
            endpoint: walk.endpoint,
            calls_looked_at: walk.calls,
          },
        },
      ];
    });
  },
};
