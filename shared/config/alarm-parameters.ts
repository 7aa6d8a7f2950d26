import * as z from "zod";

/**
 * Threshold of an alarm on failures. Both limits must be reached within five minutes: the share ignores
 * normal failures on a busy day, the count ignores a single failure at night.
 */
export const failureThresholdSchema = z.strictObject({
  /** Failed attempts, in percent. */
  percent: z.number().gt(0).max(100).default(1),
  /** Minimum failures in five minutes. */
  atLeast: z.int().min(1).default(5),
});

/** Thresholds of the CloudWatch alarms. */
export const alarmsSchema = z
  .strictObject({
    /** Messages in `DeadLetters` or `Unpublishable`. */
    deadLetters: z.int().min(1).default(1),
    /** Age of the oldest queued event. */
    bufferAgeSeconds: z.int().min(60).default(300),
    /** 5XX responses of an API. Override per API with `attach`. */
    apiServerErrors: failureThresholdSchema.prefault({}),
    /** 503 responses because the authorizer could not decide. */
    authorizerUnavailable: failureThresholdSchema.prefault({}),
    /** 99th percentile of the decision time over 15 minutes. */
    authorizerP99Milliseconds: z.int().min(1).default(500),
    /** Failed invocations. Scheduled functions alarm on the first. */
    functionErrors: failureThresholdSchema.prefault({}),
    /** Throttled invocations. Scheduled functions alarm on the first. */
    functionThrottles: failureThresholdSchema.prefault({}),
    /** Throttled table reads or writes. */
    tableThrottles: failureThresholdSchema.prefault({}),
    /** `suspicious_activity` events. */
    suspiciousActivity: z.int().min(1).default(1),
    /** Provider requests without a valid signature or secret. */
    providerRequestsRejected: z.int().min(1).default(20),
  })
  .prefault({});

/** Threshold of an alarm on failures, with every default filled in. */
export type FailureThreshold = z.output<typeof failureThresholdSchema>;
