import { operatorOf } from "../../events/operator.ts";
import type { Origin, OriginKind } from "../../events/origin.ts";
import type { SeenEvent } from "./seen-event.ts";

type Place = Pick<SeenEvent, "ip" | "network" | "origin">;

/** Where a holder was before. */
export interface KnownPlaces {
  readonly networks: ReadonlySet<string>;
  /** The operators of these networks, where they are known: `AS64496`. */
  readonly operators: ReadonlySet<string>;
  readonly countries: ReadonlySet<string>;
  readonly kinds: ReadonlySet<OriginKind>;
  /** Operators where they are known, else networks, with their names for people. */
  readonly homes: ReadonlyMap<string, string>;
}

/** Places that hide who is there, or at which no person is. */
const NAMES: Readonly<Record<OriginKind, string>> = {
  hosting: "hosting",
  vpn: "VPN",
  proxy: "proxy",
  tor: "Tor",
};

/** What a new country or kind of place adds to what speaks for an attack anyway. */
export const NEWS_POINTS = 10;

/** The values that there are. */
export function setOf<T>(values: readonly (T | undefined)[]): Set<T> {
  return new Set(values.filter((value) => value !== undefined));
}

/** The places of the events, and what people call them. */
function homesOf(events: readonly SeenEvent[]): Map<string, string> {
  const homes = new Map<string, string>();
  for (const { network, origin } of events) {
    const operator = operatorOf(origin);
    const home = operator ?? network;
    if (home === undefined || homes.has(home)) continue;
    homes.set(home, operator === undefined ? home : (originText(origin) ?? home));
  }
  return homes;
}

/** The places of events of a holder who was let in. */
export function knownPlaces(events: readonly SeenEvent[]): KnownPlaces {
  return {
    networks: setOf(events.map(({ network }) => network)),
    operators: setOf(events.map(({ origin }) => operatorOf(origin))),
    countries: setOf(events.map(({ origin }) => origin?.country)),
    kinds: setOf(events.map(({ origin }) => origin?.kind)),
    homes: homesOf(events),
  };
}

/** Whether the holder was in the network, or in one of the same operator. */
export function wasAt({ networks, operators }: KnownPlaces, { network, origin }: Place): boolean {
  const operator = operatorOf(origin);
  return (
    (network !== undefined && networks.has(network)) ||
    (operator !== undefined && operators.has(operator))
  );
}

/** Whether an event came from a network and operator that are both new to the holder. */
export function isElsewhere(known: KnownPlaces, place: Place): boolean {
  return place.network !== undefined && !wasAt(known, place);
}

/** What is new about a place, in words: its country, and that it is a VPN or the like. */
export function originNews(
  { countries, kinds, operators }: KnownPlaces,
  { origin }: Place,
): string[] {
  const { country, kind } = origin ?? {};
  // Of a holder none of whose places are known, nothing is new.
  if (countries.size + kinds.size + operators.size === 0) return [];
  return [
    ...(country !== undefined && countries.size > 0 && !countries.has(country)
      ? [`the country ${country} is new to it`]
      : []),
    ...(kind !== undefined && !kinds.has(kind) ? [`${NAMES[kind]} is new to it`] : []),
  ];
}

/** The points that a place's news adds to a finding. */
export function newsPoints(known: KnownPlaces, place: Place): number {
  return isElsewhere(known, place) && originNews(known, place).length > 0 ? NEWS_POINTS : 0;
}

/** An origin as text: `AS64496 Example Telecom in DE`, `Tor AS64496 in DE`, `DE`. */
export function originText(origin: Origin | undefined): string | undefined {
  if (origin === undefined) return undefined;
  const { kind, operator, country } = origin;
  const who = [kind && NAMES[kind], operatorOf(origin), operator].filter(Boolean).join(" ");
  if (country === undefined) return who === "" ? undefined : who;
  return who === "" ? country : `${who} in ${country}`;
}

/** Where an event came from: `203.0.113.9, AS64496 Example Telecom in DE`. */
export function placeText({ ip, network, origin }: Place): string {
  const address = ip ?? network ?? "an unknown address";
  const known = originText(origin);
  return known === undefined ? address : `${address}, ${known}`;
}

/** The newest known origin of events from one address. */
export function originOfAll(events: readonly SeenEvent[]): Origin | undefined {
  return events.findLast(({ origin }) => origin !== undefined)?.origin;
}

/** The holder's usual places, at most three: operators where they are known, else networks. */
export function usualPlaces({ homes }: KnownPlaces): string {
  return [...homes.values()].slice(0, 3).join(", ");
}

/** What is known of a place, for an alert's evidence. */
export function originFacts(origin: Origin | undefined): Record<string, string> {
  if (origin === undefined) return {};
  const { asn, country, kind } = origin;
  const operator = originText({ asn, operator: origin.operator });
  return {
    ...(country !== undefined && { country }),
    ...(operator !== undefined && { operator }),
    ...(kind !== undefined && { kind_of_place: kind }),
  };
}

/** What is known of a place and of the holder's usual ones, for an alert's evidence. */
export function originEvidence(
  { countries, homes }: KnownPlaces,
  { origin }: Place,
): Record<string, unknown> {
  if (origin === undefined) return {};
  return {
    ...originFacts(origin),
    ...(countries.size > 0 && { usual_countries: [...countries].slice(0, 10) }),
    ...(homes.size > 0 && { usual_places: [...homes.values()].slice(0, 10) }),
  };
}
