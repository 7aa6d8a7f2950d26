import * as z from "zod";

/**
 * The export to S3. A disabled export is absent from the parsed configuration, so the template and the
 * functions' environment do not mention it.
 */
export const ocsfExportSchema = z
  .strictObject({
    /** Deploys the export. */
    enabled: z.boolean().default(false),
    /** Days an exported event is kept. At least 90, because security events are exported too. */
    retentionDays: z
      .int()
      .min(90, "security events are exported too and must be kept at least 90 days")
      .max(3650)
      .default(400),
    /** Seconds that Firehose gathers events before it writes an object. Longer means fewer objects. */
    bufferSeconds: z.int().min(60).max(900).default(300),
  })
  .optional()
  .transform((parameters) => (parameters?.enabled ? parameters : undefined));

export type OcsfExportParameters = NonNullable<z.output<typeof ocsfExportSchema>>;
