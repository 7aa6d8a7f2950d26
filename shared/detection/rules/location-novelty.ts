import { getOperator, type IpEnrichment, type NetworkType } from "../../events/ip-enrichment.ts";
import type { SeenEvent } from "./seen-event.ts";

type Location = Pick<SeenEvent, "ip" | "network" | "enrichment">;

/** Networks, operators and countries that a principal was seen in. */
export interface KnownLocations {
  readonly networks: ReadonlySet<string>;
  /** The operators of these networks, if known: `AS64496`. */
  readonly operators: ReadonlySet<string>;
  readonly countries: ReadonlySet<string>;
  readonly networkTypes: ReadonlySet<NetworkType>;
  /** Operators if known, otherwise networks, with their display names. */
  readonly homes: ReadonlyMap<string, string>;
}

/** Display names for networks that hide their users or host machines. */
const NAMES: Readonly<Record<NetworkType, string>> = {
  hosting: "hosting",
  vpn: "VPN",
  proxy: "proxy",
  tor: "Tor",
};

/** Points to add for a new country or network type if there are other signs of an attack. */
export const NOVELTY_POINTS = 10;

/** Returns the values that aren't undefined, as a set. */
export function toSet<T>(values: readonly (T | undefined)[]): Set<T> {
  return new Set(values.filter((value) => value !== undefined));
}

/** Returns the operators or networks that events came from, with display names. */
function getHomes(events: readonly SeenEvent[]): Map<string, string> {
  const homes = new Map<string, string>();
  for (const { network, enrichment } of events) {
    const operator = getOperator(enrichment);
    const home = operator ?? network;
    if (home === undefined || homes.has(home)) continue;
    homes.set(home, operator === undefined ? home : (formatEnrichment(enrichment) ?? home));
  }
  return homes;
}

/** Returns the locations that a principal was allowed from. */
export function getKnownLocations(events: readonly SeenEvent[]): KnownLocations {
  return {
    networks: toSet(events.map(({ network }) => network)),
    operators: toSet(events.map(({ enrichment }) => getOperator(enrichment))),
    countries: toSet(events.map(({ enrichment }) => enrichment?.country)),
    networkTypes: toSet(events.map(({ enrichment }) => enrichment?.networkType)),
    homes: getHomes(events),
  };
}

/** Whether the principal was seen in the network, or in a different network of the same operator. */
export function wasAt(
  { networks, operators }: KnownLocations,
  { network, enrichment }: Location,
): boolean {
  const operator = getOperator(enrichment);
  return (
    (network !== undefined && networks.has(network)) ||
    (operator !== undefined && operators.has(operator))
  );
}

/** Whether both the network and its operator are new to the principal. */
export function isElsewhere(known: KnownLocations, location: Location): boolean {
  return location.network !== undefined && !wasAt(known, location);
}

/** Describes what is new about a location: the country, or that it is a hosting provider, VPN, proxy or Tor exit. */
export function describeNovelty(
  { countries, networkTypes, operators }: KnownLocations,
  { enrichment }: Location,
): string[] {
  const { country, networkType } = enrichment ?? {};
  // If the principal's history has no IP enrichment, nothing counts as new.
  if (countries.size + networkTypes.size + operators.size === 0) return [];
  return [
    ...(country !== undefined && countries.size > 0 && !countries.has(country)
      ? [`new country: ${country}`]
      : []),
    ...(networkType !== undefined && !networkTypes.has(networkType)
      ? [`new network type: ${NAMES[networkType]}`]
      : []),
  ];
}

/** Returns the points to add to a finding because the location is new. */
export function getNoveltyPoints(known: KnownLocations, location: Location): number {
  return isElsewhere(known, location) && describeNovelty(known, location).length > 0
    ? NOVELTY_POINTS
    : 0;
}

/** Formats IP enrichment as text: `AS64496 Example Telecom in DE`, `Tor AS64496 in DE`, `DE`. */
export function formatEnrichment(enrichment: IpEnrichment | undefined): string | undefined {
  if (enrichment === undefined) return undefined;
  const { networkType, organization, country } = enrichment;
  const organizationText = [
    networkType && NAMES[networkType],
    getOperator(enrichment),
    organization,
  ]
    .filter(Boolean)
    .join(" ");
  if (country === undefined) return organizationText === "" ? undefined : organizationText;
  return organizationText === "" ? country : `${organizationText} in ${country}`;
}

/** Formats where an event came from: `203.0.113.9, AS64496 Example Telecom in DE`. */
export function formatLocation({ ip, network, enrichment }: Location): string {
  const address = ip ?? network ?? "an unknown address";
  const known = formatEnrichment(enrichment);
  return known === undefined ? address : `${address}, ${known}`;
}

/** Returns the most recent IP enrichment among events from one address. */
export function getLatestEnrichment(events: readonly SeenEvent[]): IpEnrichment | undefined {
  return events.findLast(({ enrichment }) => enrichment !== undefined)?.enrichment;
}

/** Returns the principal's usual operators or networks, at most three. */
export function formatUsualLocations({ homes }: KnownLocations): string {
  return [...homes.values()].slice(0, 3).join(", ");
}

/** Returns IP enrichment as evidence in an alert. */
export function toEnrichmentFacts(enrichment: IpEnrichment | undefined): Record<string, string> {
  if (enrichment === undefined) return {};
  const { asn, organization, country, networkType } = enrichment;
  const operator = formatEnrichment({ asn, organization });
  return {
    ...(country !== undefined && { country }),
    ...(operator !== undefined && { operator }),
    ...(networkType !== undefined && { network_type: networkType }),
  };
}

/** Returns IP enrichment and the principal's usual locations as evidence in an alert. */
export function toEnrichmentEvidence(
  { countries, homes }: KnownLocations,
  { enrichment }: Location,
): Record<string, unknown> {
  if (enrichment === undefined) return {};
  return {
    ...toEnrichmentFacts(enrichment),
    ...(countries.size > 0 && { usual_countries: [...countries].slice(0, 10) }),
    ...(homes.size > 0 && { usual_locations: [...homes.values()].slice(0, 10) }),
  };
}
