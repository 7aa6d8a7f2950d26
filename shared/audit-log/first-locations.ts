import { HOUR_MS } from "../core/clock.ts";
import { batchGetAll } from "../core/document-client.ts";
import { readEnrichment } from "../events/ip-enrichment.ts";
import type { OAuthEvent } from "../events/oauth-event.ts";
import type { StatisticsStore } from "./counter-store.ts";
import { registerFirst } from "./register-first.ts";
import { type RegisteredValues, rememberValue } from "./values-in-use.ts";

/** A user's location and when the user was first seen there. */
interface UserLocation {
  readonly user: string;
  /** Country, network type, or both: `DE`, `NL vpn`. */
  readonly location: string;
  readonly atMs: number;
}

/** Sort key of a user's first location. Each later location has its own sort key. */
const HOME = "-";
/** First-seen time used for a location that isn't new. */
const LONG_AGO_MS = 0;
const KEEP_DAYS = 400;
const NEW_FOR_MS = HOUR_MS;

/**
 * Event types in which the address belongs to the user. Other events, such as token requests, may come from the
 * client's server.
 */
const TYPES: ReadonlySet<string> = new Set(["token_used", "session_started"]);

function getLocations(event: OAuthEvent): UserLocation[] {
  const { user_id: user, event_type, event_data, occurred_at } = event;
  if (user === undefined || !TYPES.has(event_type)) return [];
  const { country, networkType } = readEnrichment(event_data) ?? {};
  const location = [country, networkType].filter((part) => part !== undefined).join(" ");
  return location === "" ? [] : [{ user, location, atMs: Date.parse(occurred_at) }];
}

const getKey = (user: string, sk: string) => ({ pk: `first-location/${user}`, sk });
const getName = ({ user, location }: UserLocation) => `first-location/${user}\n${location}`;

const register = (store: StatisticsStore, sk: string, { user, location, atMs }: UserLocation) =>
  registerFirst(store, getKey(user, sk), {
    attribute: "first_location",
    value: location,
    atMs,
    keepDays: KEEP_DAYS,
  });

/**
 * Stores the countries and network types that users act from. Returns the events from a location that was first seen
 * less than an hour ago. Idempotent. Does nothing without IP enrichment.
 *
 * Cost: one write unit per user and location every 400 days, and one read unit if this process doesn't remember the
 * location. In the evaluation's traffic, where every user is new, this is 0.06 write units per use, plus 0.006 for
 * later locations and counts.
 *
 * @returns ids of events
 */
export async function registerLocations(
  store: StatisticsStore,
  registered: RegisteredValues,
  events: readonly OAuthEvent[],
): Promise<ReadonlySet<string>> {
  const seen = events
    .flatMap((event) => getLocations(event).map((where) => ({ ...where, id: event.id })))
    .sort((a, b) => a.atMs - b.atMs);
  const waiting = new Map<string, UserLocation>();
  for (const where of seen) {
    const name = getName(where);
    if (!registered.has(name) && !waiting.has(name)) waiting.set(name, where);
  }
  /** First-seen time by item name. */
  const known = new Map<string, number>();
  if (waiting.size > 0) {
    const keys = new Map<string, ReturnType<typeof getKey>>();
    for (const { user, location } of waiting.values()) {
      for (const sk of [HOME, location]) keys.set(`${user}\n${sk}`, getKey(user, sk));
    }
    const homes = new Map<string, string>();
    for (const { pk, sk, first_location, first_seen_ms } of await batchGetAll(
      store.db,
      store.countersTable,
      [...keys.values()],
    )) {
      if (sk === HOME) homes.set(String(pk), String(first_location));
      else known.set(`${pk}\n${sk}`, Number(first_seen_ms));
    }
    const writes: Promise<void>[] = [];
    for (const [name, where] of waiting) {
      const { pk } = getKey(where.user, HOME);
      const home = homes.get(pk);
      if (home === undefined) {
        homes.set(pk, where.location);
        writes.push(register(store, HOME, where));
      }
      if (home === undefined || home === where.location) {
        known.set(name, LONG_AGO_MS);
      } else if (!known.has(name)) {
        known.set(name, where.atMs);
        writes.push(register(store, where.location, where));
      }
    }
    await Promise.all(writes);
  }
  const findFirst = (where: UserLocation) =>
    registered.get(getName(where)) ?? known.get(getName(where));
  const novelty = seen.filter((where) => {
    const firstMs = findFirst(where);
    return firstMs !== undefined && Math.abs(where.atMs - firstMs) < NEW_FOR_MS;
  });
  for (const name of waiting.keys())
    rememberValue(registered, name, known.get(name) ?? LONG_AGO_MS);
  return new Set(novelty.map(({ id }) => id));
}
