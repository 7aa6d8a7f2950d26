import * as z from "zod";

/**
 * The bus's archive, from which events are replayed. On by default: at list prices it costs a fortieth
 * of the events table (calls of KMS, which encrypts it under the stack's key, come on top), and it is the
 * only way back for events that never came as far as the tables.
 */
export const archiveSchema = z
  .strictObject({
    enabled: z.boolean().default(true),
    /** Days an event can be replayed. */
    retentionDays: z.int().min(1).max(3650).default(30),
  })
  .prefault({});

export type ArchiveParameters = z.output<typeof archiveSchema>;
