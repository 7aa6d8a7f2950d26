import type { Origin, OriginKind } from "../../events/origin.ts";
import { type OriginFacts, toOrigin } from "../../events/origin-facts.ts";

type Members = Readonly<Record<string, unknown>>;

const membersOf = (value: unknown): Members =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : {};

const first = (...values: unknown[]) =>
  values.find((value) => value !== undefined && value !== null && value !== "");

/** Whether a value means true in any of the supported databases. */
const isTrue = (value: unknown) => value === true || value === "true" || value === 1;

/** Record fields that indicate each kind of address, most specific kind first. */
const KINDS: readonly (readonly [OriginKind, readonly string[]])[] = [
  ["tor", ["is_tor_exit_node", "tor", "is_tor"]],
  ["vpn", ["is_anonymous_vpn", "vpn", "is_vpn", "relay", "is_relay"]],
  ["proxy", ["is_public_proxy", "is_residential_proxy", "proxy", "is_proxy"]],
  ["hosting", ["is_hosting_provider", "hosting", "is_hosting"]],
];

function kindOf(parts: readonly Members[]): OriginKind | undefined {
  return KINDS.find(([, names]) =>
    names.some((name) => parts.some((part) => isTrue(part[name]))),
  )?.[0];
}

/** Splits coordinates in IPinfo's format, such as `37.4,-122.1`. */
function placeIn(loc: unknown): readonly string[] {
  return typeof loc === "string" && loc.length <= 64 ? loc.split(",") : [];
}

/**
 * Converts a database record to IP enrichment. Supports the formats of MaxMind (country, city, ASN, anonymous IP, and
 * combined databases) and the flat formats of `@ip-location-db`, DB-IP and IPinfo.
 * https://dev.maxmind.com/geoip/docs/databases/
 */
export function originOfRecord(record: unknown): Origin | undefined {
  const all = membersOf(record);
  const [country, registered, traits, location, privacy, asn] = [
    all.country,
    all.registered_country,
    all.traits,
    all.location,
    all.privacy,
    all.asn,
  ].map(membersOf) as [Members, Members, Members, Members, Members, Members];
  const [latitude, longitude] = placeIn(all.loc);
  const facts: OriginFacts = {
    country: first(all.country_code, country.iso_code, all.country, registered.iso_code),
    asn: first(
      all.autonomous_system_number,
      traits.autonomous_system_number,
      typeof all.asn === "object" ? asn.asn : all.asn,
    ),
    operator: first(
      all.autonomous_system_organization,
      traits.autonomous_system_organization,
      all.as_name,
      asn.name,
    ),
    kind: kindOf([all, traits, privacy]),
    latitude: first(location.latitude, all.latitude, all.lat, latitude),
    longitude: first(location.longitude, all.longitude, all.lng, all.lon, longitude),
  };
  return toOrigin(facts);
}
