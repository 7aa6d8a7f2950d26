import * as z from "zod";
import { ORIGIN_KINDS } from "../events/origin.ts";

/** How a database file may be named: it is the key of an object, and part of a statement of access. */
export const databaseNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,58}\.mmdb$/,
    "a file name such as country.mmdb: letters, digits, dots, dashes and _, at most 64",
  );

const asnSchema = z.int().min(1).max(4_294_967_295);

const oneOrMore = <Schema extends z.ZodType>(schema: Schema, error: string) =>
  z.union([schema, z.array(schema).min(1).max(100)], { error });

/** Addresses whose origin you know better than any database. What `checkOrigins` asks besides is asked at synth. */
const networkSchema = z.strictObject({
  /** Its addresses: one block such as `203.0.113.0/24`, or a list. Of several that fit, the longest prefix counts. */
  cidr: oneOrMore(z.string().max(64), "a network, or a list of them").optional(),
  /**
   * With `cidr`, the number of its autonomous system. Without, the systems, one or a list, of whose addresses the
   * rest is said.
   */
  asn: oneOrMore(asnSchema, "a number such as 64496, or a list of them").optional(),
  /** The code of the country, such as `DE` (ISO 3166-1). */
  country: z.string().length(2).optional(),
  /** Who runs the network. */
  operator: z.string().min(1).max(100).optional(),
  /** What its addresses are used for. */
  kind: z.enum(ORIGIN_KINDS).optional(),
});

/** Where addresses are, and who runs their networks. */
export const originsSchema = z
  .strictObject({
    /**
     * Files in the MaxMind DB format, by their names in the bucket that the construct then makes. Of what several
     * know, the first counts. `npx oauth-monitoring origins put` uploads one.
     */
    databases: z
      .array(databaseNameSchema)
      .max(5)
      .refine((names) => new Set(names).size === names.length, "two databases have the same name")
      .default([]),
    /** Networks that you know: offices, VPN gateways, NAT gateways. They count before the databases. */
    networks: z.array(networkSchema).max(100).default([]),
  })
  .prefault({});

/** Networks and databases, with every default filled in. */
export type OriginParameters = z.output<typeof originsSchema>;

/** One declared network. */
export type DeclaredNetwork = OriginParameters["networks"][number];
