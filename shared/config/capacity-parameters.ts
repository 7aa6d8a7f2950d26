import * as z from "zod";

/** Capacity units per second. DynamoDB's default quota is 40,000 per table. */
const units = z
  .strictObject({
    /** Minimum units per second. */
    min: z.int().min(1).max(1_000_000),
    /** Maximum units per second. */
    max: z.int().min(1).max(1_000_000),
  })
  .refine(({ min, max }) => min <= max, {
    path: ["max"],
    error: "max is less than min. Raise max, or lower min",
  });

/** Provisioned capacity of a table and each of its indexes. */
const provisionedSchema = z.strictObject({
  /** Read capacity. */
  read: units,
  /** Write capacity. */
  write: units,
  /** Auto scaling target. */
  targetUtilizationPercent: z.int().min(20).max(90).default(70),
});

export type ProvisionedCapacity = z.output<typeof provisionedSchema>;

/** DynamoDB pricing. Compare options with `npx oauth-monitoring cost`. */
export const capacitySchema = z
  .strictObject({
    /** Storage class of events and counters. Infrequent access: storage costs 60% less, reads and writes 25% more. */
    tableClass: z.enum(["standard", "standard_infrequent_access"]).default("standard"),
    /** Tables with provisioned capacity. Others use on-demand. */
    provisioned: z
      .strictObject({
        /** Tokens table. */
        tokens: provisionedSchema.optional(),
        /** Events table. */
        events: provisionedSchema.optional(),
        /** Counters table. */
        counters: provisionedSchema.optional(),
      })
      .prefault({}),
  })
  .prefault({});

export type CapacityParameters = z.output<typeof capacitySchema>;
