import * as z from "zod";

/**
 * The bus's archive, from which events are replayed. It is on by default: at list prices it costs a
 * fortieth of the events table, plus KMS calls, and it is the only way to recover events that never
 * reached the tables.
 */
export const archiveSchema = z
  .strictObject({
    /** Keeps the events of the bus. */
    enabled: z.boolean().default(true),
    /** Days an event can be replayed. */
    retentionDays: z.int().min(1).max(3650).default(30),
  })
  .prefault({});

export type ArchiveParameters = z.output<typeof archiveSchema>;
