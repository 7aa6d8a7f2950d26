import { isIPv6 } from "node:net";
import { Reader, type Response } from "mmdb-lib";
import {
  type IpEnrichment,
  type IpEnrichmentInput,
  type NetworkType,
  toEnrichment,
  toEnrichmentData,
} from "../../events/ip-enrichment.ts";

type Members = Readonly<Record<string, unknown>>;

const getMembers = (value: unknown): Members =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : {};

const first = (...values: unknown[]) =>
  values.find((value) => value !== undefined && value !== null && value !== "");

/** Whether a value means true in any of the supported databases. */
const isTrue = (value: unknown) => value === true || value === "true" || value === 1;

/** Record fields that indicate each network type, most specific type first. */
const NETWORK_TYPE_FIELDS: readonly (readonly [NetworkType, readonly string[]])[] = [
  ["tor", ["is_tor_exit_node", "tor", "is_tor"]],
  ["vpn", ["is_anonymous_vpn", "vpn", "is_vpn", "relay", "is_relay"]],
  ["proxy", ["is_public_proxy", "is_residential_proxy", "proxy", "is_proxy"]],
  ["hosting", ["is_hosting_provider", "hosting", "is_hosting"]],
];

function getNetworkType(parts: readonly Members[]): NetworkType | undefined {
  return NETWORK_TYPE_FIELDS.find(([, names]) =>
    names.some((name) => parts.some((part) => isTrue(part[name]))),
  )?.[0];
}

/** Splits coordinates in IPinfo's format, such as `37.4,-122.1`. */
function readLocation(loc: unknown): readonly string[] {
  return typeof loc === "string" && loc.length <= 64 ? loc.split(",") : [];
}

/**
 * Converts a database record to IP enrichment. Supports the formats of MaxMind (country, city, ASN, anonymous IP, and
 * combined databases) and the flat formats of `@ip-location-db`, DB-IP and IPinfo.
 * https://dev.maxmind.com/geoip/docs/databases/
 */
export function parseDatabaseRecord(record: unknown): IpEnrichment | undefined {
  const all = getMembers(record);
  const [country, registered, traits, location, privacy, asn] = [
    all.country,
    all.registered_country,
    all.traits,
    all.location,
    all.privacy,
    all.asn,
  ].map(getMembers) as [Members, Members, Members, Members, Members, Members];
  const [latitude, longitude] = readLocation(all.loc);
  const facts: IpEnrichmentInput = {
    country: first(all.country_code, country.iso_code, all.country, registered.iso_code),
    asn: first(
      all.autonomous_system_number,
      traits.autonomous_system_number,
      typeof all.asn === "object" ? asn.asn : all.asn,
    ),
    organization: first(
      all.autonomous_system_organization,
      traits.autonomous_system_organization,
      all.as_name,
      asn.name,
    ),
    networkType: getNetworkType([all, traits, privacy]),
    latitude: first(location.latitude, all.latitude, all.lat, latitude),
    longitude: first(location.longitude, all.longitude, all.lng, all.lon, longitude),
  };
  return toEnrichment(facts);
}

/** Maximum file size in bytes. The largest free city table is half this size. */
export const MAX_FILE_BYTES = 128 * 1024 * 1024;

/** Maximum number of cached lookups. Most calls come from a few addresses. */
const MAX_KEPT = 10_000;

/** Marker before the metadata. */
const MARKER = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");

/** Zero bytes between the search tree and the data. */
const SEPARATOR_BYTES = 16;

/** Thrown if a file is not a complete database in the MaxMind DB format. */
export class BrokenDatabaseError extends Error {
  override readonly name = "BrokenDatabaseError";
}

/** Metadata of a database. */
export interface DatabaseMetadata {
  /** Database type, such as `GeoLite2-Country`. */
  readonly type: string;
  readonly buildEpochSeconds: number;
  readonly ipVersion: 4 | 6;
}

/** @throws BrokenDatabaseError */
function open(bytes: Buffer): Reader<Response> {
  if (!bytes.includes(MARKER)) {
    throw new BrokenDatabaseError("the file has no metadata of the MaxMind DB format");
  }
  try {
    const reader = new Reader<Response>(bytes);
    const { binaryFormatMajorVersion, ipVersion, searchTreeSize } = reader.metadata;
    if (binaryFormatMajorVersion !== 2) {
      throw new BrokenDatabaseError(
        `the file has format version ${binaryFormatMajorVersion}. Only version 2 is supported`,
      );
    }
    if (ipVersion !== 4 && ipVersion !== 6) {
      throw new BrokenDatabaseError("the file has no valid IP version");
    }
    if (!(searchTreeSize + SEPARATOR_BYTES <= bytes.length)) {
      throw new BrokenDatabaseError(
        "the file is truncated: its search tree is longer than the file",
      );
    }
    return reader;
  } catch (error) {
    if (error instanceof BrokenDatabaseError) throw error;
    throw new BrokenDatabaseError(`the file is truncated or corrupt: ${error}`);
  }
}

/**
 * An IP database in the MaxMind DB format, in memory. Trusts the publisher of the file, because the library doesn't
 * limit what a record can contain.
 * https://maxmind.github.io/MaxMind-DB/
 */
export class EnrichmentDatabase {
  readonly metadata: DatabaseMetadata;
  readonly #reader: Reader<Response>;
  readonly #kept = new Map<string, IpEnrichment | undefined>();

  /** @throws BrokenDatabaseError if the bytes are not a database in the MaxMind DB format */
  constructor(bytes: Buffer) {
    this.#reader = open(bytes);
    const { databaseType, buildEpoch, ipVersion } = this.#reader.metadata;
    this.metadata = {
      type: String(databaseType ?? ""),
      buildEpochSeconds: Math.floor(buildEpoch.getTime() / 1000) || 0,
      ipVersion: ipVersion as 4 | 6,
    };
  }

  /**
   * Returns the IP enrichment for an address, if the database has any.
   *
   * @param ip an address in its canonical form
   * @throws Error if the file is broken
   */
  find(ip: string): IpEnrichment | undefined {
    if (this.#kept.has(ip)) return this.#kept.get(ip);
    const record = this.record(ip);
    const enrichment = record === undefined ? undefined : parseDatabaseRecord(record);
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    this.#kept.set(ip, enrichment);
    return enrichment;
  }

  /** Returns the raw record for an address. @throws Error if the file is broken */
  record(ip: string): unknown {
    // A lookup in an IPv4 tree would treat the first bits of an IPv6 address as an IPv4 address.
    if (this.metadata.ipVersion === 4 && isIPv6(ip)) return undefined;
    return this.#reader.get(ip) ?? undefined;
  }
}

/** The coverage of a database, measured with sample addresses. */
export interface DatabaseSample {
  readonly sampled: number;
  /** Number of addresses for which the database has each field, such as `geo.country_iso_code`. */
  readonly known: Readonly<Record<string, number>>;
  /** Number of addresses whose records are broken. */
  readonly broken: number;
}

/** Whether an address with this first byte can be public. Excludes 0, 10, 127, multicast and reserved ranges. */
const isPublic = (first: number) => first > 0 && first < 224 && ![10, 127].includes(first);

/** Sample addresses: eight in each public /8 of IPv4. */
const SAMPLE = Array.from({ length: 256 }, (_, first) => first)
  .filter(isPublic)
  .flatMap((first) =>
    [8, 40, 72, 104, 136, 168, 200, 232].map((second) => `${first}.${second}.8.8`),
  );

/** Returns the names of the known fields, as in an event: `geo.country_iso_code`. */
function getFields(enrichment: IpEnrichment): string[] {
  return Object.entries(toEnrichmentData(enrichment)).flatMap(([name, value]) =>
    typeof value === "object" ? Object.keys(value).map((key) => `${name}.${key}`) : [name],
  );
}

/** Looks up sample addresses in a database to show its coverage before it is used. */
export function sampleDatabase(database: EnrichmentDatabase): DatabaseSample {
  const known: Record<string, number> = {};
  let broken = 0;
  for (const address of SAMPLE) {
    try {
      for (const field of getFields(database.find(address) ?? {})) {
        known[field] = (known[field] ?? 0) + 1;
      }
    } catch {
      broken += 1;
    }
  }
  return { sampled: SAMPLE.length, known, broken };
}
