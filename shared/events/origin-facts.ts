import { countryCode } from "./country.ts";
import { type Origin, originOf } from "./origin.ts";
import { withoutTokens } from "./redact-text.ts";

/** IP enrichment as supplied by providers and databases, before validation. */
export interface OriginFacts {
  /** Two-letter code or English name. */
  readonly country?: unknown;
  /** `64496`, `"64496"` or `"AS64496"`. */
  readonly asn?: unknown;
  readonly operator?: unknown;
  /** One of `ORIGIN_KINDS`, in any case. */
  readonly kind?: unknown;
  /** Degrees, as a number or text. */
  readonly latitude?: unknown;
  readonly longitude?: unknown;
}

/** Whether the coordinates are 0, 0, which databases use for unknown locations. */
const isNowhere = (latitude: number, longitude: number) => latitude === 0 && longitude === 0;

/** Maximum length of an operator's name. */
const LONGEST_OPERATOR = 100;

function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || !/^[+-]?\d{1,10}(\.\d{1,20})?$/.test(value)) return undefined;
  return Number(value);
}

function asnOf(value: unknown): number | undefined {
  return numberOf(typeof value === "string" ? value.replace(/^AS(?=\d)/i, "") : value);
}

/**
 * Rounds to a tenth of a degree, about eleven kilometres: precise enough to detect travel, too coarse to reveal a home
 * address.
 */
function degreesOf(value: unknown, most: 90 | 180): number | undefined {
  const degrees = numberOf(value);
  if (degrees === undefined || !(Math.abs(degrees) <= most)) return undefined;
  return Math.round(degrees * 10) / 10;
}

function operatorOf(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const name = value.slice(0, 4 * LONGEST_OPERATOR).replace(/\p{Cc}+/gu, " ");
  return withoutTokens(name.trim()).slice(0, LONGEST_OPERATOR) || undefined;
}

/** Returns the valid fields for storage. Drops each field that isn't valid. */
export function toOrigin(facts: OriginFacts): Origin | undefined {
  const latitude = degreesOf(facts.latitude, 90);
  const longitude = degreesOf(facts.longitude, 180);
  const hasPlace =
    latitude !== undefined && longitude !== undefined && !isNowhere(latitude, longitude);
  const members = {
    country: countryCode(facts.country),
    asn: asnOf(facts.asn),
    operator: operatorOf(facts.operator),
    kind: typeof facts.kind === "string" ? facts.kind.toLowerCase() : undefined,
    ...(hasPlace && { latitude, longitude }),
  };
  const origin = originOf({ origin: members });
  return origin && (defined(origin) as Origin);
}

/** Removes undefined members. */
export function defined<Members extends object>(members: Members): Partial<Members> {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  ) as Partial<Members>;
}
