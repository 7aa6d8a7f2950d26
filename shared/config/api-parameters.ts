import * as z from "zod";

/** Throttling and web ACL of the admin API. */
export const apiSchema = z
  .strictObject({
    /** Stage limits, shared by all callers. */
    throttle: z
      .strictObject({
        /** Calls per second before the stage returns 429. */
        rateLimit: z.number().positive().default(10_000),
        /** Burst capacity in calls. */
        burstLimit: z.int().min(1).default(5000),
      })
      .prefault({}),
    /** Creates the region's API Gateway logging role. Set to `false` if the region has one: docs/deploy.md. */
    cloudWatchRole: z.boolean().default(true),
    /** ARN of an existing regional web ACL. Can't be combined with `api.waf.enabled`. */
    webAclArn: z
      .string()
      .regex(
        /^arn:aws[a-z-]*:wafv2:[a-z0-9-]+:\d{12}:regional\/webacl\/[A-Za-z0-9_-]+\/[A-Za-z0-9-]+$/,
        "the ARN of a regional web ACL (wafv2)",
      )
      .optional(),
    /** Managed web ACL: AWS core rules and a limit per address. */
    waf: z
      .strictObject({
        /** Creates the web ACL. Costs extra: docs/cost.md. */
        enabled: z.boolean().default(false),
        /** Calls per address in five minutes before 403. */
        requestsPerFiveMinutesPerIp: z.int().min(10).max(2_000_000_000).default(10_000),
      })
      .prefault({}),
  })
  .refine((api) => api.webAclArn === undefined || !api.waf.enabled, {
    path: ["webAclArn"],
    error: "a stage can have only one web ACL. Set webAclArn or enable waf, not both",
  })
  .prefault({});

export type ApiParameters = z.output<typeof apiSchema>;
