import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../shared/core/clock.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { credentialStuffing } from "./attacks/failed-calls.ts";
import { tokenTheft } from "./attacks/token-misuse.ts";
import { benignTraffic } from "./generate-traffic.ts";
import { population, type TrafficClient } from "./world/population.ts";
import { Random } from "./world/random.ts";
import { Timeline, toEvents } from "./world/timeline.ts";

const SEED = 7;
const CLIENTS = 30;
const EVENTS_PER_DAY = 3000;

/** Age of the credential guessing attack. Its alert is already resolved. */
const STUFFING_BEFORE_MS = 9 * HOUR_MS;
/** Age of the token theft. The attack continues until minutes ago, and its alert is still open. */
const THEFT_BEFORE_MS = 14 * MINUTE_MS;

/** A day of an API's events, and the times to run the detection. */
interface DemoDay {
  readonly clients: readonly TrafficClient[];
  /** Sorted by time. */
  readonly events: readonly OAuthEvent[];
  /** Times at which the detection opens or resolves an alert, in epoch milliseconds. */
  readonly detectAtMs: readonly number[];
}

/** Generates the day that ends at `nowMs`: thirty clients in a daily rhythm, a past attack and an ongoing one. */
export function demoDay(nowMs: number): DemoDay {
  const range = { seed: SEED, fromMs: nowMs - DAY_MS, toMs: nowMs };
  const clients = population({
    seed: SEED,
    startMs: range.fromMs,
    days: 1,
    clients: CLIENTS,
    eventsPerDay: EVENTS_PER_DAY,
  });
  const benign = benignTraffic(clients, range);
  const random = new Random(SEED, "demo");
  const timeline = new Timeline(random);
  const scene = { random, timeline, clients, draw: 0, issuedPerHour: () => 0 };
  const stuffing = credentialStuffing({ ...scene, startMs: nowMs - STUFFING_BEFORE_MS });
  tokenTheft({ ...scene, startMs: nowMs - THEFT_BEFORE_MS });
  const drafts = [...benign, ...timeline.drafts];
  return {
    clients,
    events: toEvents(drafts.filter(({ atMs }) => atMs < nowMs)),
    detectAtMs: [stuffing.endMs + MINUTE_MS, stuffing.endMs + HOUR_MS, nowMs],
  };
}
