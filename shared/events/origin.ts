import * as z from "zod";

/**
 * The type of network behind an address: a data centre or cloud, a VPN, a proxy (including residential proxies), or a
 * Tor exit.
 */
export const ORIGIN_KINDS = ["hosting", "vpn", "proxy", "tor"] as const;

/** One of `ORIGIN_KINDS`. */
export type OriginKind = (typeof ORIGIN_KINDS)[number];

/** Treats an invalid field as absent instead of rejecting the whole object. */
const optional = <Schema extends z.ZodType>(schema: Schema) => schema.optional().catch(undefined);

const originSchema = z.object({
  country: optional(z.string().regex(/^[A-Z]{2}$/)),
  asn: optional(z.int().min(1).max(4_294_967_295)),
  operator: optional(z.string().min(1).max(100)),
  kind: optional(z.enum(ORIGIN_KINDS)),
  latitude: optional(z.number().min(-90).max(90)),
  longitude: optional(z.number().min(-180).max(180)),
});

/**
 * IP enrichment for an address, stored as `origin` in an event's `event_data`. `country` is an ISO 3166-1 code such as
 * `DE`, `asn` is an autonomous system number (RFC 6793), `operator` is that system's owner, and `latitude` and
 * `longitude` are in degrees. Unknown fields are absent.
 */
export type Origin = z.infer<typeof originSchema>;

/** Returns the IP enrichment in an event's `event_data`, or undefined if it has no valid field. */
export function originOf(data: Readonly<Record<string, unknown>>): Origin | undefined {
  const { data: origin } = originSchema.safeParse(data.origin);
  return origin && Object.values(origin).some((member) => member !== undefined)
    ? origin
    : undefined;
}
