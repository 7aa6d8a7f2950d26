import * as z from "zod";
import { ipBlockSchema } from "../envelope/ip-block.ts";
import { ORIGIN_KINDS } from "../envelope/origin.ts";

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

const blocks = oneOrMore(
  ipBlockSchema,
  "a network such as 203.0.113.0/24 or 2001:db8::/32, or a list of them; its prefix must be /8 (IPv6: /19) or longer",
);

const asns = oneOrMore(
  asnSchema,
  "the number of an autonomous system, such as 64496, or a list of them",
);

/** Addresses whose origin you know better than any database. */
const networkSchema = z
  .strictObject({
    /** Its addresses: one block such as `203.0.113.0/24`, or a list. Of several that fit, the longest prefix counts. */
    cidr: blocks.optional(),
    /**
     * With `cidr`, the number of its autonomous system. Without, the systems, one or a list, of whose addresses the
     * rest is said.
     */
    asn: asns.optional(),
    /** The code of the country, such as `DE` (ISO 3166-1). */
    country: z
      .string()
      .regex(/^[A-Z]{2}$/, "a code of two capital letters, such as DE (ISO 3166-1)")
      .optional(),
    /** Who runs the network. */
    operator: z.string().min(1).max(100).optional(),
    /** What its addresses are used for. */
    kind: z.enum(ORIGIN_KINDS).optional(),
  })
  .superRefine(({ cidr, asn, country, operator, kind }, context) => {
    const refuse = (path: string[], message: string) =>
      context.addIssue({ code: "custom", path, message });
    if (cidr === undefined && asn === undefined) {
      refuse([], "a network needs cidr or asn: say which addresses are meant");
    } else if (cidr !== undefined && Array.isArray(asn)) {
      refuse(["asn"], "a network with cidr has one asn: make a network of each, or leave out cidr");
    } else if (![country, operator, kind, cidr && asn].some((member) => member !== undefined)) {
      refuse([], "a network says nothing of its addresses: add country, operator or kind");
    }
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
