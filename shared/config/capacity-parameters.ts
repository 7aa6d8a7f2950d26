import * as z from "zod";

/** DynamoDB's quota of a table by default is 40,000 units. */
const units = z
  .strictObject({
    /** Units a second that are there, and paid, at all times. */
    least: z.int().min(1).max(1_000_000),
    /** Units a second that auto scaling may go up to. */
    most: z.int().min(1).max(1_000_000),
  })
  .refine(({ least, most }) => least <= most, {
    path: ["most"],
    error: "must be at least what least is: capacity scales between the two",
  });

/** Provisioned capacity of a table, and of each of its indexes. */
const provisionedSchema = z.strictObject({
  /** Reads. */
  read: units,
  /** Writes. */
  write: units,
  /** Share of the capacity in use that auto scaling aims at, percent. */
  targetUtilizationPercent: z.int().min(20).max(90).default(70),
});

export type ProvisionedCapacity = z.output<typeof provisionedSchema>;

/** How DynamoDB is paid for. `npx oauth-monitoring cost` compares. */
export const capacitySchema = z
  .strictObject({
    /**
     * Storage class of the tables of events and counters. `standard_infrequent_access` stores for 60 % less, and
     * writes and reads for a quarter more.
     */
    tableClass: z.enum(["standard", "standard_infrequent_access"]).default("standard"),
    /** Tables with provisioned capacity and auto scaling. The others are paid for on demand. */
    provisioned: z
      .strictObject({
        /** The table of tokens: a write for each call. */
        tokens: provisionedSchema.optional(),
        /** The table of events. */
        events: provisionedSchema.optional(),
        /** The table of counters. */
        counters: provisionedSchema.optional(),
      })
      .prefault({}),
  })
  .prefault({});

export type CapacityParameters = z.output<typeof capacitySchema>;
