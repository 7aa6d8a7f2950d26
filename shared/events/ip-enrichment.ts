import * as z from "zod";
import { withoutTokens } from "./redact-text.ts";

/**
 * The type of network behind an address: a data centre or cloud, a VPN, a proxy (including residential proxies), or a
 * Tor exit.
 */
export const NETWORK_TYPES = ["hosting", "vpn", "proxy", "tor"] as const;

/** One of `NETWORK_TYPES`. */
export type NetworkType = (typeof NETWORK_TYPES)[number];

/** Treats an invalid field as absent instead of rejecting the whole object. */
const optional = <Schema extends z.ZodType>(schema: Schema) => schema.optional().catch(undefined);

/** The members of `event_data` that contain IP enrichment. The names follow ECS and OCSF. */
const enrichmentSchema = z.object({
  geo: optional(
    z.object({
      country_iso_code: optional(z.string().regex(/^[A-Z]{2}$/)),
      latitude: optional(z.number().min(-90).max(90)),
      longitude: optional(z.number().min(-180).max(180)),
    }),
  ),
  autonomous_system: optional(
    z.object({
      number: optional(z.int().min(1).max(4_294_967_295)),
      organization: optional(z.string().min(1).max(100)),
    }),
  ),
  network_type: optional(z.enum(NETWORK_TYPES)),
});

/** IP enrichment as stored in an event's `event_data`. */
export type EnrichmentData = z.infer<typeof enrichmentSchema>;

/**
 * IP enrichment for an address. `country` is an ISO 3166-1 code such as `DE`, `asn` is an autonomous system number
 * (RFC 6793), `organization` is the name of that system's operator, and `latitude` and `longitude` are in degrees.
 * Unknown fields are absent.
 */
export interface IpEnrichment {
  readonly country?: string | undefined;
  readonly asn?: number | undefined;
  readonly organization?: string | undefined;
  readonly networkType?: NetworkType | undefined;
  readonly latitude?: number | undefined;
  readonly longitude?: number | undefined;
}

/** Returns the IP enrichment in an event's `event_data`, or undefined if it has no valid field. */
export function readEnrichment(data: Readonly<Record<string, unknown>>): IpEnrichment | undefined {
  const { geo, autonomous_system, network_type } = enrichmentSchema.parse(data);
  const enrichment: IpEnrichment = defined({
    country: geo?.country_iso_code,
    asn: autonomous_system?.number,
    organization: autonomous_system?.organization,
    networkType: network_type,
    latitude: geo?.latitude,
    longitude: geo?.longitude,
  });
  return Object.keys(enrichment).length === 0 ? undefined : enrichment;
}

/** Converts IP enrichment to members of `event_data`. */
export function toEnrichmentData(enrichment: IpEnrichment): EnrichmentData {
  const { country, asn, organization, networkType, latitude, longitude } = enrichment;
  const geo = defined({ country_iso_code: country, latitude, longitude });
  const autonomous_system = defined({ number: asn, organization });
  return {
    ...(Object.keys(geo).length > 0 && { geo }),
    ...(Object.keys(autonomous_system).length > 0 && { autonomous_system }),
    ...(networkType !== undefined && { network_type: networkType }),
  };
}

/** Returns the network operator's autonomous system, such as `AS64496`. */
export function getOperator(enrichment: IpEnrichment | undefined): string | undefined {
  return enrichment?.asn === undefined ? undefined : `AS${enrichment.asn}`;
}

/** Whether a location is a network operator rather than a network. */
export function isOperator(location: string): boolean {
  return /^AS\d/.test(location);
}

/** IP enrichment as supplied by providers and databases, before validation. */
export interface IpEnrichmentInput {
  /** Two-letter code or English name. */
  readonly country?: unknown;
  /** `64496`, `"64496"` or `"AS64496"`. */
  readonly asn?: unknown;
  readonly organization?: unknown;
  /** One of `NETWORK_TYPES`, in any case. */
  readonly networkType?: unknown;
  /** Degrees, as a number or text. */
  readonly latitude?: unknown;
  readonly longitude?: unknown;
}

/** Whether the coordinates are 0, 0, which databases use for unknown locations. */
const isNowhere = (latitude: number, longitude: number) => latitude === 0 && longitude === 0;

/** Maximum length of an organization's name. */
const LONGEST_ORGANIZATION = 100;

function parseNumber(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || !/^[+-]?\d{1,10}(\.\d{1,20})?$/.test(value)) return undefined;
  return Number(value);
}

function parseAsn(value: unknown): number | undefined {
  return parseNumber(typeof value === "string" ? value.replace(/^AS(?=\d)/i, "") : value);
}

/**
 * Rounds to a tenth of a degree, about eleven kilometres: precise enough to detect travel, too coarse to reveal a home
 * address.
 */
function parseDegrees(value: unknown, most: 90 | 180): number | undefined {
  const degrees = parseNumber(value);
  if (degrees === undefined || !(Math.abs(degrees) <= most)) return undefined;
  return Math.round(degrees * 10) / 10;
}

function organizationName(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const name = value.slice(0, 4 * LONGEST_ORGANIZATION).replace(/\p{Cc}+/gu, " ");
  return withoutTokens(name.trim()).slice(0, LONGEST_ORGANIZATION) || undefined;
}

function parseNetworkType(value: unknown): NetworkType | undefined {
  const name = typeof value === "string" ? value.toLowerCase() : undefined;
  return NETWORK_TYPES.find((type) => type === name);
}

/** Returns the valid fields for storage. Drops each field that isn't valid. */
export function toEnrichment(facts: IpEnrichmentInput): IpEnrichment | undefined {
  const latitude = parseDegrees(facts.latitude, 90);
  const longitude = parseDegrees(facts.longitude, 180);
  const hasLocation =
    latitude !== undefined && longitude !== undefined && !isNowhere(latitude, longitude);
  const enrichment = {
    country: countryCode(facts.country),
    asn: parseAsn(facts.asn),
    organization: organizationName(facts.organization),
    networkType: parseNetworkType(facts.networkType),
    ...(hasLocation && { latitude, longitude }),
  };
  return readEnrichment(toEnrichmentData(enrichment));
}

/** Removes undefined members. */
export function defined<Members extends object>(members: Members): Partial<Members> {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  ) as Partial<Members>;
}

const [NAMES, SHORT_NAMES] = (["long", "short"] as const).map(
  (style) => new Intl.DisplayNames(["en"], { type: "region", style, fallback: "none" }),
) as [Intl.DisplayNames, Intl.DisplayNames];

const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];

/** Unicode regions that aren't countries: unions, reserved island codes, unknown and test codes. */
const NO_COUNTRY: ReadonlySet<string> = new Set(
  "AC CP DG EA EU EZ IC QO TA UN XA XB ZZ".split(" "),
);

/** Maximum length of a country name. */
const LONGEST_NAME = 64;

/** Normalizes a name: removes accents, case and a leading article, and unifies apostrophes. */
function plain(name: string): string {
  return name
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replaceAll("’", "'")
    .replaceAll("&", "and")
    .toLowerCase()
    .trim()
    .replace(/^the /, "");
}

/** Returns the current code for a two-letter code, such as `GB` for `UK`, or undefined if the code isn't a country. */
function currentCode(code: string): string | undefined {
  const region = new Intl.Locale(`und-${code}`).region;
  return region !== undefined && NAMES.of(region) !== undefined && !NO_COUNTRY.has(region)
    ? region
    : undefined;
}

let codes: ReadonlyMap<string, string> | undefined;

/** Maps country names to codes. Built on first use, because it takes milliseconds. */
function codesByName(): ReadonlyMap<string, string> {
  codes ??= new Map(
    LETTERS.flatMap((first) => LETTERS.map((second) => first + second))
      .filter((code) => currentCode(code) === code)
      .flatMap((code) =>
        [NAMES, SHORT_NAMES].map((names) => [plain(names.of(code) ?? code), code] as const),
      ),
  );
  return codes;
}

/**
 * Returns the ISO 3166-1 alpha-2 code for a country code or English country name (Unicode CLDR), or undefined
 * for anything else, such as `EU` or `Atlantis`.
 */
export function countryCode(country: unknown): string | undefined {
  if (typeof country !== "string" || country.length > LONGEST_NAME) return undefined;
  const text = country.trim();
  if (/^[A-Za-z]{2}$/.test(text)) return currentCode(text.toUpperCase());
  return codesByName().get(plain(text));
}
