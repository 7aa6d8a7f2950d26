import * as z from "zod";
import { NETWORK_TYPES } from "../events/ip-enrichment.ts";

/** File name of a database. It's an S3 object key and part of an IAM policy statement. */
export const databaseNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,58}\.mmdb$/,
    "a file name such as country.mmdb: letters, digits, dots, dashes and _, at most 64",
  );

const asnSchema = z.int().min(1).max(4_294_967_295);

const oneOrMore = <Schema extends z.ZodType>(schema: Schema, error: string) =>
  z.union([schema, z.array(schema).min(1).max(100)], { error });

/** A declared network, which overrides the databases. `checkEnrichment` runs further checks at synth. */
const networkSchema = z.strictObject({
  /** CIDR block or blocks. The longest matching prefix wins. */
  cidr: oneOrMore(z.string().max(64), "a network, or a list of them").optional(),
  /** With `cidr`, its autonomous system. Alone, the system or systems to describe. */
  asn: oneOrMore(asnSchema, "a number such as 64496, or a list of them").optional(),
  /** Country code, such as `DE` (ISO 3166-1). */
  country: z.string().length(2).optional(),
  /** Name of the network operator. */
  organization: z.string().min(1).max(100).optional(),
  /** Use of its addresses. */
  networkType: z.enum(NETWORK_TYPES).optional(),
});

/** IP enrichment: networks and databases that describe addresses. */
export const enrichmentSchema = z
  .strictObject({
    /** MaxMind DB files, highest priority first. Upload with `npx oauth-monitoring enrichment put`. */
    databases: z
      .array(databaseNameSchema)
      .max(5)
      .refine(
        (names) => new Set(names).size === names.length,
        "two databases have the same name. Rename one",
      )
      .default([]),
    /** Known networks, such as offices. They override the databases. */
    networks: z.array(networkSchema).max(100).default([]),
  })
  .prefault({});

/** Networks and databases, with every default filled in. */
export type EnrichmentParameters = z.output<typeof enrichmentSchema>;

/** One declared network. */
export type DeclaredNetwork = EnrichmentParameters["networks"][number];
