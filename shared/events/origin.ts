import * as z from "zod";

/**
 * What an address is used for, where it is known: machines of a data centre or cloud, a VPN, a proxy
 * (also one on other people's machines), an exit of the Tor network.
 */
export const ORIGIN_KINDS = ["hosting", "vpn", "proxy", "tor"] as const;

/** One of `ORIGIN_KINDS`. */
export type OriginKind = (typeof ORIGIN_KINDS)[number];

/** A member that does not fit counts as absent: it costs itself and not the origin. */
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
 * Where an address is and who runs its network: `origin` in an event's `event_data`. The country is a code of
 * ISO 3166-1 (`DE`), `asn` the number of the autonomous system (RFC 6793), the operator's name that of its
 * holder, latitude and longitude are in degrees. Members that are not known are absent.
 */
export type Origin = z.infer<typeof originSchema>;

/** The origin in an event's `event_data`. Without any member that can be read, undefined. */
export function originOf(data: Readonly<Record<string, unknown>>): Origin | undefined {
  const { data: origin } = originSchema.safeParse(data.origin);
  return origin && Object.values(origin).some((member) => member !== undefined)
    ? origin
    : undefined;
}
