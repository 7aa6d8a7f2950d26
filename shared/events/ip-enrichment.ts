import * as z from "zod";
import { parseNetwork } from "./ip-network.ts";
import { withoutTokens } from "./redact-text.ts";

/**
 * The type of network behind an address: a data centre or cloud, a VPN, a proxy (including residential proxies), or a
 * Tor exit.
 */
export const NETWORK_KINDS = ["hosting", "vpn", "proxy", "tor"] as const;

/** One of `NETWORK_KINDS`. */
export type NetworkKind = (typeof NETWORK_KINDS)[number];

/** Treats an invalid field as absent instead of rejecting the whole object. */
const optional = <Schema extends z.ZodType>(schema: Schema) => schema.optional().catch(undefined);

const enrichmentSchema = z.object({
  country: optional(z.string().regex(/^[A-Z]{2}$/)),
  asn: optional(z.int().min(1).max(4_294_967_295)),
  operator: optional(z.string().min(1).max(100)),
  kind: optional(z.enum(NETWORK_KINDS)),
  latitude: optional(z.number().min(-90).max(90)),
  longitude: optional(z.number().min(-180).max(180)),
});

/**
 * IP enrichment for an address, stored as `origin` in an event's `event_data`. `country` is an ISO 3166-1 code such as
 * `DE`, `asn` is an autonomous system number (RFC 6793), `operator` is that system's owner, and `latitude` and
 * `longitude` are in degrees. Unknown fields are absent.
 */
export type IpEnrichment = z.infer<typeof enrichmentSchema>;

/** Returns the IP enrichment in an event's `event_data`, or undefined if it has no valid field. */
export function readEnrichment(data: Readonly<Record<string, unknown>>): IpEnrichment | undefined {
  const { data: enrichment } = enrichmentSchema.safeParse(data.enrichment);
  return enrichment && Object.values(enrichment).some((member) => member !== undefined)
    ? enrichment
    : undefined;
}

/** Returns the network operator's autonomous system, such as `AS64496`. */
export function getOperator(enrichment: IpEnrichment | undefined): string | undefined {
  return enrichment?.asn === undefined ? undefined : `AS${enrichment.asn}`;
}

/** Whether a location is a network operator rather than a network. */
export function isOperator(location: string): boolean {
  return /^AS\d/.test(location);
}

/**
 * Returns the location that a service called from: the network operator if known, otherwise the network. The operator
 * comes first because cloud customers call from many networks.
 *
 * @param data an event's `event_data`
 */
export function getLocation(data: Readonly<Record<string, unknown>>): string | undefined {
  return getOperator(readEnrichment(data)) ?? parseNetwork(data.ip);
}

/** IP enrichment as supplied by providers and databases, before validation. */
export interface IpEnrichmentInput {
  /** Two-letter code or English name. */
  readonly country?: unknown;
  /** `64496`, `"64496"` or `"AS64496"`. */
  readonly asn?: unknown;
  readonly operator?: unknown;
  /** One of `NETWORK_KINDS`, in any case. */
  readonly kind?: unknown;
  /** Degrees, as a number or text. */
  readonly latitude?: unknown;
  readonly longitude?: unknown;
}

/** Whether the coordinates are 0, 0, which databases use for unknown locations. */
const isNowhere = (latitude: number, longitude: number) => latitude === 0 && longitude === 0;

/** Maximum length of an operator's name. */
const LONGEST_OPERATOR = 100;

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

function operatorName(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const name = value.slice(0, 4 * LONGEST_OPERATOR).replace(/\p{Cc}+/gu, " ");
  return withoutTokens(name.trim()).slice(0, LONGEST_OPERATOR) || undefined;
}

/** Returns the valid fields for storage. Drops each field that isn't valid. */
export function toEnrichment(facts: IpEnrichmentInput): IpEnrichment | undefined {
  const latitude = parseDegrees(facts.latitude, 90);
  const longitude = parseDegrees(facts.longitude, 180);
  const hasLocation =
    latitude !== undefined && longitude !== undefined && !isNowhere(latitude, longitude);
  const members = {
    country: countryCode(facts.country),
    asn: parseAsn(facts.asn),
    operator: operatorName(facts.operator),
    kind: typeof facts.kind === "string" ? facts.kind.toLowerCase() : undefined,
    ...(hasLocation && { latitude, longitude }),
  };
  const enrichment = readEnrichment({ enrichment: members });
  return enrichment && (defined(enrichment) as IpEnrichment);
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
