import * as z from "zod";

/**
 * Export to S3. A disabled export is removed from the parsed configuration, so neither the template nor the
 * functions' environment mentions it.
 */
export const ocsfExportSchema = z
  .strictObject({
    /** Deploys the export. */
    enabled: z.boolean().default(false),
    /** Retention of exported events. */
    retentionDays: z
      .int()
      .min(
        90,
        "the export includes security events, which must be kept at least 90 days. Raise it to 90 or more",
      )
      .max(3650)
      .default(400),
    /** Seconds that Firehose buffers events per object. */
    bufferSeconds: z.int().min(60).max(900).default(300),
  })
  .optional()
  .transform((parameters) => (parameters?.enabled ? parameters : undefined));

export type OcsfExportParameters = NonNullable<z.output<typeof ocsfExportSchema>>;
