import { type Origin, type OriginKind, operatorOf } from "../../events/origin.ts";
import type { SeenEvent } from "./seen-event.ts";

type Place = Pick<SeenEvent, "ip" | "network" | "origin">;

/** Networks, operators and countries that a principal was seen in. */
export interface KnownPlaces {
  readonly networks: ReadonlySet<string>;
  /** The operators of these networks, if known: `AS64496`. */
  readonly operators: ReadonlySet<string>;
  readonly countries: ReadonlySet<string>;
  readonly kinds: ReadonlySet<OriginKind>;
  /** Operators if known, otherwise networks, with their display names. */
  readonly homes: ReadonlyMap<string, string>;
}

/** Display names for networks that hide their users or host machines. */
const NAMES: Readonly<Record<OriginKind, string>> = {
  hosting: "hosting",
  vpn: "VPN",
  proxy: "proxy",
  tor: "Tor",
};

/** Points to add for a new country or kind of network if there are other signs of an attack. */
export const NEWS_POINTS = 10;

/** Returns the values that aren't undefined, as a set. */
export function setOf<T>(values: readonly (T | undefined)[]): Set<T> {
  return new Set(values.filter((value) => value !== undefined));
}

/** Returns the operators or networks that events came from, with display names. */
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

/** Returns the locations that a principal was allowed from. */
export function knownPlaces(events: readonly SeenEvent[]): KnownPlaces {
  return {
    networks: setOf(events.map(({ network }) => network)),
    operators: setOf(events.map(({ origin }) => operatorOf(origin))),
    countries: setOf(events.map(({ origin }) => origin?.country)),
    kinds: setOf(events.map(({ origin }) => origin?.kind)),
    homes: homesOf(events),
  };
}

/** Whether the principal was seen in the network, or in a different network of the same operator. */
export function wasAt({ networks, operators }: KnownPlaces, { network, origin }: Place): boolean {
  const operator = operatorOf(origin);
  return (
    (network !== undefined && networks.has(network)) ||
    (operator !== undefined && operators.has(operator))
  );
}

/** Whether both the network and its operator are new to the principal. */
export function isElsewhere(known: KnownPlaces, place: Place): boolean {
  return place.network !== undefined && !wasAt(known, place);
}

/** Describes what is new about a location: the country, or that it is a hosting provider, VPN, proxy or Tor exit. */
export function originNews(
  { countries, kinds, operators }: KnownPlaces,
  { origin }: Place,
): string[] {
  const { country, kind } = origin ?? {};
  // If the principal's history has no IP enrichment, nothing counts as new.
  if (countries.size + kinds.size + operators.size === 0) return [];
  return [
    ...(country !== undefined && countries.size > 0 && !countries.has(country)
      ? [`new country: ${country}`]
      : []),
    ...(kind !== undefined && !kinds.has(kind) ? [`new network kind: ${NAMES[kind]}`] : []),
  ];
}

/** Returns the points to add to a finding because the location is new. */
export function newsPoints(known: KnownPlaces, place: Place): number {
  return isElsewhere(known, place) && originNews(known, place).length > 0 ? NEWS_POINTS : 0;
}

/** Formats IP enrichment as text: `AS64496 Example Telecom in DE`, `Tor AS64496 in DE`, `DE`. */
export function originText(origin: Origin | undefined): string | undefined {
  if (origin === undefined) return undefined;
  const { kind, operator, country } = origin;
  const who = [kind && NAMES[kind], operatorOf(origin), operator].filter(Boolean).join(" ");
  if (country === undefined) return who === "" ? undefined : who;
  return who === "" ? country : `${who} in ${country}`;
}

/** Formats where an event came from: `203.0.113.9, AS64496 Example Telecom in DE`. */
export function placeText({ ip, network, origin }: Place): string {
  const address = ip ?? network ?? "an unknown address";
  const known = originText(origin);
  return known === undefined ? address : `${address}, ${known}`;
}

/** Returns the most recent IP enrichment among events from one address. */
export function originOfAll(events: readonly SeenEvent[]): Origin | undefined {
  return events.findLast(({ origin }) => origin !== undefined)?.origin;
}

/** Returns the principal's usual operators or networks, at most three. */
export function usualPlaces({ homes }: KnownPlaces): string {
  return [...homes.values()].slice(0, 3).join(", ");
}

/** Returns IP enrichment as evidence in an alert. */
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

/** Returns IP enrichment and the principal's usual locations as evidence in an alert. */
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
