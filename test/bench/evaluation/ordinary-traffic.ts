import { type DraftEvent, Timeline } from "../../../local/traffic/world/timeline.ts";
import { DAY_MS, HOUR_MS, SECOND_MS } from "../../../shared/core/clock.ts";
import type { EvaluationSeed } from "./seeds.ts";
import {
  createRandom,
  type EvaluationClient,
  type EvaluationWorld,
  PAUSE_MS,
  SCOPES,
  serviceCall,
  usualCall,
} from "./world.ts";

interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Returns the clients' everyday traffic, including a few failures. */
export function ordinaryTraffic(
  seed: EvaluationSeed,
  world: EvaluationWorld,
  range: Range,
): DraftEvent[] {
  return [
    ...world.apps.flatMap((client) => appTraffic(seed, client, range)),
    ...world.services.flatMap((client) => serviceTraffic(seed, client, range)),
  ];
}

function appTraffic(seed: EvaluationSeed, client: EvaluationClient, range: Range): DraftEvent[] {
  const random = createRandom(seed, "app", client.id);
  const timeline = new Timeline(random);
  for (let dayMs = range.fromMs; dayMs < range.toMs; dayMs += DAY_MS) {
    const sessions = Math.round(client.rate * random.between(0.8, 1.2));
    for (let n = 0; n < sessions; n += 1) {
      // The sum of two random values peaks in the middle of the day.
      let atMs = dayMs + HOUR_MS * (3 + random.between(0, 9) + random.between(0, 9));
      const user = random.pickZipf(client.users);
      const call = usualCall(random, client, user);
      if (random.chance(0.04)) timeline.fail(atMs - SECOND_MS, "missing_token", call);
      const token = timeline.issue(
        atMs,
        { clientId: client.id, userId: user.id },
        { scopes: SCOPES, lifetimeMs: client.tokenLifetimeMs },
        call,
      );
      for (let uses = random.integer(1, 4); uses > 0; uses -= 1) {
        atMs += SECOND_MS + Math.min(random.wait(PAUSE_MS), 10 * PAUSE_MS);
        const next = usualCall(random, client, user);
        if (atMs < token.expiresMs) timeline.use(atMs, token, next);
        else timeline.fail(atMs, "expired_token", next, token);
      }
    }
  }
  return timeline.drafts;
}

/** Returns a service's traffic: tokens that are valid for six hours, and a few calls per hour at any time. */
function serviceTraffic(
  seed: EvaluationSeed,
  client: EvaluationClient,
  range: Range,
): DraftEvent[] {
  const random = createRandom(seed, "service", client.id);
  const timeline = new Timeline(random);
  const lifetimeMs = 6 * HOUR_MS;
  for (let atMs = range.fromMs; atMs < range.toMs; atMs += lifetimeMs) {
    const call = serviceCall(random, client);
    const token = timeline.issue(
      atMs,
      { clientId: client.id },
      { scopes: SCOPES, lifetimeMs },
      call,
    );
    for (let usedMs = atMs + random.wait(HOUR_MS / client.rate); usedMs < token.expiresMs; ) {
      timeline.use(usedMs, token, serviceCall(random, client));
      usedMs += random.wait(HOUR_MS / client.rate);
    }
  }
  return timeline.drafts;
}
