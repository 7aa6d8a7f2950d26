import * as z from "zod";

/** Throttling of the admin API, and the web ACL in front of it. */
export const apiSchema = z
  .strictObject({
    /** Limits of the stage, shared by all callers. */
    throttle: z
      .strictObject({
        /** Calls a second before the stage answers 429. */
        rateLimit: z.number().positive().default(10_000),
        /** Calls that may arrive at the same moment. */
        burstLimit: z.int().min(1).default(5000),
      })
      .prefault({}),
    /**
     * Whether to create the role by which API Gateway writes access logs, and make it the one that the region uses. A
     * region has one for all APIs; use `false` if yours has one already: see docs/deploy.md.
     */
    cloudWatchRole: z.boolean().default(true),
    /** ARN of a regional web ACL of your own. Not together with `api.waf.enabled`. */
    webAclArn: z
      .string()
      .regex(
        /^arn:aws[a-z-]*:wafv2:[a-z0-9-]+:\d{12}:regional\/webacl\/[A-Za-z0-9_-]+\/[A-Za-z0-9-]+$/,
        "the ARN of a regional web ACL (wafv2)",
      )
      .optional(),
    /** A web ACL made for you: AWS's core rules and a limit per address. */
    waf: z
      .strictObject({
        /** Creates the web ACL. It costs extra: see docs/cost.md. */
        enabled: z.boolean().default(false),
        /** Calls in five minutes from one address before it gets 403. */
        requestsPerFiveMinutesPerIp: z.int().min(10).max(2_000_000_000).default(10_000),
      })
      .prefault({}),
  })
  .refine((api) => api.webAclArn === undefined || !api.waf.enabled, {
    path: ["webAclArn"],
    error: "a stage has one web ACL: name yours here or enable waf, not both",
  })
  .prefault({});

export type ApiParameters = z.output<typeof apiSchema>;
