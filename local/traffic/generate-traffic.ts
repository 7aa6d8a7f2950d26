import { DAY_MS } from "../../shared/core/clock.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import type { AttackLabel } from "./attacks/attack.ts";
import { plantAttacks, usualIssuance } from "./attacks/plant-attacks.ts";
import { backgroundNoise } from "./background-noise.ts";
import { serviceTraffic } from "./service-traffic.ts";
import { userSessions } from "./user-sessions.ts";
import { population, type TrafficClient } from "./world/population.ts";
import { type DraftEvent, toEvents } from "./world/timeline.ts";

export type { AttackLabel, AttackName, AttackSubject } from "./attacks/attack.ts";

interface TrafficOptions {
  /** An integer. The same options generate the same traffic, including event IDs. */
  readonly seed: number;
  /** Epoch milliseconds. */
  readonly startMs: number;
  readonly days: number;
  /** At least 3, one of each kind. Default: 40 */
  readonly clients?: number | undefined;
  /** Approximate number of benign events on a working day. Weekends have fewer. Default: 8000 */
  readonly eventsPerDay?: number | undefined;
  /**
   * The days on which every attack happens once. A day starts at the hour of `startMs`. A runaway issuer or a new
   * network cannot be detected on the first day, which has no history to compare with. Default: `last-day`
   */
  readonly attacks?: "none" | "last-day" | "every-day" | undefined;
}

/** The generated traffic. */
export interface Traffic {
  /** All clients, busiest first. */
  readonly clients: readonly TrafficClient[];
  /** Sorted by time. */
  readonly events: OAuthEvent[];
  /** Sorted by time. */
  readonly labels: AttackLabel[];
}

const FEWEST_CLIENTS = 3;

/** Generates the clients' calls and harmless failures. */
export function benignTraffic(
  clients: readonly TrafficClient[],
  range: { readonly seed: number; readonly fromMs: number; readonly toMs: number },
): DraftEvent[] {
  const calls = clients.flatMap((client) =>
    client.kind === "service"
      ? serviceTraffic(client, range)
      : userSessions({ ...client, kind: client.kind }, range),
  );
  return [...calls, ...backgroundNoise(clients, range)];
}

/**
 * Generates the events that an API's authorizer and issuer would publish over several days: apps, services and partners
 * in a daily and weekly rhythm, harmless failures, and labelled attacks. The benign events do not depend on `attacks`.
 *
 * Omits `scope_validation_success`, which only repeats `token_used`.
 *
 * @throws RangeError when the options allow no traffic
 */
export function generateTraffic(options: TrafficOptions): Traffic {
  const { seed, startMs: fromMs, days, attacks = "last-day" } = options;
  const { clients: count = 40, eventsPerDay = 8000 } = options;
  if (count < FEWEST_CLIENTS)
    throw new RangeError(`the traffic needs at least ${FEWEST_CLIENTS} clients`);
  if (days < 1 || eventsPerDay < 1)
    throw new RangeError("the traffic needs at least one day and one event per day");
  const range = { seed, fromMs, toMs: fromMs + days * DAY_MS };
  const clients = population({ seed, startMs: fromMs, days, clients: count, eventsPerDay });
  const benign = benignTraffic(clients, range).filter(({ atMs }) => atMs < range.toMs);

  const issuedPerHour = usualIssuance(benign, days);
  const old = clients.filter(({ firstMs }) => firstMs < fromMs);
  const labelledDays = { none: 0, "last-day": 1, "every-day": days }[attacks];
  const planted = Array.from({ length: labelledDays }, (_, n) => {
    const day = days - labelledDays + n;
    const dayStartMs = fromMs + day * DAY_MS;
    return plantAttacks({ seed, day, dayStartMs, clients: old, issuedPerHour });
  });
  return {
    clients,
    events: toEvents([...benign, ...planted.flatMap(({ drafts }) => drafts)]),
    labels: planted.flatMap(({ labels }) => labels),
  };
}
