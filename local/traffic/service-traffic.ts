import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../shared/core/clock.ts";
import type { TrafficClient } from "./world/population.ts";
import { Random } from "./world/random.ts";
import { arrivals, isWeekend, MACHINES } from "./world/rhythm.ts";
import { type DraftEvent, Timeline, type TrafficToken } from "./world/timeline.ts";

const DEPLOY_CHANCE_A_DAY = 0.25;
const DEPLOY_MS = 10 * MINUTE_MS;
/** Minimum and maximum number of a service's instances that a deployment replaces. */
const REPLACED = [3, 5] as const;
/**
 * When a token expires: the chance that the instance refreshes it too late, and the chance that it keeps retrying with
 * the expired token.
 */
const LATE_REFRESH_CHANCE = 0.05;
const RETRY_BURST_CHANCE = 0.004;

/** A restart of one of the service's processes, which loses its token. */
interface Restart {
  readonly atMs: number;
  readonly instance: number;
}

/** Returns a service's traffic in [from, to): an hourly token per instance, steady calls, and deployments. */
export function serviceTraffic(
  client: TrafficClient,
  { seed, fromMs, toMs }: { seed: number; fromMs: number; toMs: number },
): DraftEvent[] {
  const random = new Random(seed, "service", client.clientId);
  const timeline = new Timeline(random);
  const start = Math.max(fromMs, client.firstMs);
  const restarts = deploys(random, timeline, client, { fromMs: start, toMs });
  const tokens: (TrafficToken | undefined)[] = Array(client.instances).fill(undefined);
  const callNow = () => ({
    endpoint: random.pickZipf(client.endpoints),
    method: random.chance(0.3) ? "POST" : "GET",
    ip: random.pick(client.addresses),
    userAgent: client.userAgent,
  });
  const issue = (instance: number, atMs: number) => {
    const { scopes, tokenLifetimeMs: lifetimeMs } = client;
    const subject = { clientId: client.clientId };
    const token = timeline.issue(atMs, subject, { scopes, lifetimeMs }, callNow());
    tokens[instance] = token;
    return token;
  };

  // Every event is an issued token or a use. Each instance requests 24 tokens a day, and uses make up the rest.
  const perDay = Math.max(client.eventsPerDay - 24 * client.instances, client.eventsPerDay / 2);
  for (const atMs of arrivals(random, { fromMs: start, toMs, perDay, rhythm: MACHINES })) {
    while (restarts[0] && restarts[0].atMs <= atMs) {
      issue(restarts[0].instance, restarts[0].atMs);
      restarts.shift();
    }
    const instance = random.integer(0, client.instances - 1);
    const token = tokens[instance];
    if (token && atMs < token.expiresMs) {
      timeline.use(atMs, token, callNow());
      continue;
    }
    const usedMs = token ? presentExpired(random, timeline, { token, atMs, callNow }) : atMs;
    timeline.use(usedMs + SECOND_MS, issue(instance, usedMs), callNow());
  }
  return timeline.drafts;
}

/** In some cases, uses the expired token before requesting a new one. Returns the time of the last attempt. */
function presentExpired(
  random: Random,
  timeline: Timeline,
  {
    token,
    atMs,
    callNow,
  }: { token: TrafficToken; atMs: number; callNow: () => Parameters<Timeline["use"]>[2] },
): number {
  const burst = random.chance(RETRY_BURST_CHANCE);
  if (!burst && !random.chance(LATE_REFRESH_CHANCE)) return atMs;
  const call = callNow();
  let triedMs = atMs;
  for (let tries = burst ? random.integer(5, 15) : random.integer(1, 3); tries > 0; tries -= 1) {
    timeline.fail(triedMs, "expired_token", call, token);
    triedMs += random.between(0.5, 4) * SECOND_MS;
  }
  return triedMs;
}

/**
 * Returns deployments during office hours on working days. New instances request tokens, and some of their calls fail.
 */
function deploys(
  random: Random,
  timeline: Timeline,
  client: TrafficClient,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Restart[] {
  const restarts: Restart[] = [];
  for (let dayMs = fromMs - (fromMs % DAY_MS); dayMs < toMs; dayMs += DAY_MS) {
    const deployMs = dayMs + random.between(9, 16) * HOUR_MS;
    if (!random.chance(DEPLOY_CHANCE_A_DAY) || isWeekend(dayMs)) continue;
    if (deployMs < fromMs || deployMs + DEPLOY_MS > toMs) continue;
    const within = () => deployMs + random.between(0, DEPLOY_MS);
    for (let n = Math.min(client.instances, random.integer(...REPLACED)); n > 0; n -= 1) {
      restarts.push({ atMs: within(), instance: n - 1 });
    }
    // A call without a token can't be attributed to a client.
    for (let failures = random.integer(2, 6); failures > 0; failures -= 1) {
      timeline.fail(within(), "missing_token", {
        endpoint: random.pickZipf(client.endpoints),
        method: "GET",
        ip: random.pick(client.addresses),
        userAgent: client.userAgent,
      });
    }
  }
  return restarts.sort((a, b) => a.atMs - b.atMs);
}
