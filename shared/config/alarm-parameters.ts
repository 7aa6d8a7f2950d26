import * as z from "zod";

/**
 * When failures are too many: both limits must be reached within five minutes. A share alone would go off at the one
 * failure of three calls at night, a count alone at a normal share of a busy day.
 */
export const failureThresholdSchema = z.strictObject({
  /** Share of all attempts that fail, in percent. */
  percent: z.number().gt(0).max(100).default(1),
  /** Failures in five minutes. With 1, a single failure is enough where there are few attempts. */
  atLeast: z.int().min(1).default(5),
});

/** Thresholds of the CloudWatch alarms. Counts are per five minutes. */
export const alarmsSchema = z
  .strictObject({
    /** Messages in `DeadLetters` or `Unpublishable`. */
    deadLetters: z.int().min(1).default(1),
    /** Age in seconds of the oldest waiting event. */
    bufferAgeSeconds: z.int().min(60).default(300),
    /** 5XX answers of an API, including the authorizer's 503. `attach` sets another threshold for one API. */
    apiServerErrors: failureThresholdSchema.prefault({}),
    /** Calls that got 503 because the authorizer could not decide. */
    authorizerUnavailable: failureThresholdSchema.prefault({}),
    /** 99th percentile of the time to a decision, for 15 minutes. */
    authorizerP99Milliseconds: z.int().min(1).default(500),
    /** Failed invocations of a function. A scheduled function's alarm goes off at the first failed run. */
    functionErrors: failureThresholdSchema.prefault({}),
    /** Throttled invocations of a function. A scheduled function's alarm goes off at the first throttled run. */
    functionThrottles: failureThresholdSchema.prefault({}),
    /** Throttled reads, or writes, of the tables. The attempts are these and the events stored in the same time. */
    tableThrottles: failureThresholdSchema.prefault({}),
    /** Stored events of type `suspicious_activity`. */
    suspiciousActivity: z.int().min(1).default(1),
    /** Requests to a provider's path without a valid signature or secret. */
    providerRequestsRefused: z.int().min(1).default(20),
  })
  .prefault({});

/** A threshold of failures, with its defaults filled in. */
export type FailureThreshold = z.output<typeof failureThresholdSchema>;
