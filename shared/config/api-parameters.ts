import * as z from "zod";

/** Throttling of the product's own API, and the web ACL before it. */
export const apiSchema = z
  .strictObject({
    throttle: z
      .strictObject({
        /** Calls a second, over all callers, that the stage takes before it answers 429. */
        rateLimit: z.number().positive().default(10_000),
        /** Calls that may come at once. */
        burstLimit: z.int().min(1).default(5000),
      })
      .prefault({}),
    /** A regional web ACL of yours to put before the stage. */
    webAclArn: z
      .string()
      .regex(
        /^arn:aws[a-z-]*:wafv2:[a-z0-9-]+:\d{12}:regional\/webacl\/[A-Za-z0-9_-]+\/[A-Za-z0-9-]+$/,
        "the ARN of a regional web ACL (wafv2)",
      )
      .optional(),
    /** A web ACL of the stack's own: AWS's core rules and a limit for each address. */
    waf: z
      .strictObject({
        enabled: z.boolean().default(false),
        /** What one address may call in five minutes before it gets 403. */
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
