import * as z from "zod";

/**
 * The export to S3. While it is not enabled it is absent from the parsed configuration, so that the
 * functions are given, and the template says, what they did before there was an export.
 */
export const ocsfExportSchema = z
  .strictObject({
    enabled: z.boolean().default(false),
    /** Days an exported event is kept; security events are among them, so never less than 90. */
    retentionDays: z
      .int()
      .min(90, "security events are exported too and must be kept at least 90 days")
      .max(3650)
      .default(400),
    /** Firehose writes an object of a partition at least so often; a longer wait makes fewer objects. */
    bufferSeconds: z.int().min(60).max(900).default(300),
  })
  .optional()
  .transform((parameters) => (parameters?.enabled ? parameters : undefined));

export type OcsfExportParameters = NonNullable<z.output<typeof ocsfExportSchema>>;
