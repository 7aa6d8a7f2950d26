import { HOUR_MS } from "../core/clock.ts";
import { batchGetAll } from "../core/document-client.ts";
import type { OAuthEvent } from "../events/oauth-event.ts";
import { originOf } from "../events/origin.ts";
import type { StatisticsStore } from "./counter-store.ts";
import { enterFirst } from "./enter-first.ts";
import { type EnteredValues, rememberValue } from "./values-in-use.ts";

/** A user's location and when the user was first seen there. */
interface UserPlace {
  readonly user: string;
  /** Country, kind of network, or both: `DE`, `NL vpn`. */
  readonly place: string;
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

function placesOf(event: OAuthEvent): UserPlace[] {
  const { user_id: user, event_type, event_data, occurred_at } = event;
  if (user === undefined || !TYPES.has(event_type)) return [];
  const { country, kind } = originOf(event_data) ?? {};
  const place = [country, kind].filter((part) => part !== undefined).join(" ");
  return place === "" ? [] : [{ user, place, atMs: Date.parse(occurred_at) }];
}

const keyOf = (user: string, sk: string) => ({ pk: `first-place/${user}`, sk });
const nameOf = ({ user, place }: UserPlace) => `first-place/${user}\n${place}`;

const enter = (store: StatisticsStore, sk: string, { user, place, atMs }: UserPlace) =>
  enterFirst(store, keyOf(user, sk), {
    attribute: "first_place",
    value: place,
    atMs,
    keepDays: KEEP_DAYS,
  });

/**
 * Stores the countries and kinds of network that users act from. Returns the events from a location that was first seen
 * less than an hour ago. Idempotent. Does nothing without IP enrichment.
 *
 * Cost: one write unit per user and location every 400 days, and one read unit if this process doesn't remember the
 * location. In the evaluation's traffic, where every user is new, this is 0.06 write units per use, plus 0.006 for
 * later locations and counts.
 *
 * @returns ids of events
 */
export async function enterPlaces(
  store: StatisticsStore,
  entered: EnteredValues,
  events: readonly OAuthEvent[],
): Promise<ReadonlySet<string>> {
  const seen = events
    .flatMap((event) => placesOf(event).map((where) => ({ ...where, id: event.id })))
    .sort((a, b) => a.atMs - b.atMs);
  const waiting = new Map<string, UserPlace>();
  for (const where of seen) {
    const name = nameOf(where);
    if (!entered.has(name) && !waiting.has(name)) waiting.set(name, where);
  }
  /** First-seen time by item name. */
  const known = new Map<string, number>();
  if (waiting.size > 0) {
    const keys = new Map<string, ReturnType<typeof keyOf>>();
    for (const { user, place } of waiting.values()) {
      for (const sk of [HOME, place]) keys.set(`${user}\n${sk}`, keyOf(user, sk));
    }
    const homes = new Map<string, string>();
    for (const { pk, sk, first_place, first_seen_ms } of await batchGetAll(
      store.db,
      store.countersTable,
      [...keys.values()],
    )) {
      if (sk === HOME) homes.set(String(pk), String(first_place));
      else known.set(`${pk}\n${sk}`, Number(first_seen_ms));
    }
    const writes: Promise<void>[] = [];
    for (const [name, where] of waiting) {
      const { pk } = keyOf(where.user, HOME);
      const home = homes.get(pk);
      if (home === undefined) {
        homes.set(pk, where.place);
        writes.push(enter(store, HOME, where));
      }
      if (home === undefined || home === where.place) {
        known.set(name, LONG_AGO_MS);
      } else if (!known.has(name)) {
        known.set(name, where.atMs);
        writes.push(enter(store, where.place, where));
      }
    }
    await Promise.all(writes);
  }
  const firstOf = (where: UserPlace) => entered.get(nameOf(where)) ?? known.get(nameOf(where));
  const news = seen.filter((where) => {
    const firstMs = firstOf(where);
    return firstMs !== undefined && Math.abs(where.atMs - firstMs) < NEW_FOR_MS;
  });
  for (const name of waiting.keys()) rememberValue(entered, name, known.get(name) ?? LONG_AGO_MS);
  return new Set(news.map(({ id }) => id));
}
