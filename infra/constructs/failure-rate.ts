import type { Duration } from "aws-cdk-lib";
import { type IMetric, MathExpression } from "aws-cdk-lib/aws-cloudwatch";
import type { FailureThreshold } from "../../shared/config/alarm-parameters.ts";

/** Failures, and what they are a share of. */
export interface FailureRateProps {
  readonly failures: IMetric;
  /** All attempts, failures included. Give this or `successes`. */
  readonly attempts?: IMetric;
  /** Attempts without the failures, where no metric has both. */
  readonly successes?: IMetric;
  readonly period: Duration;
}

/**
 * Failures in percent of all attempts; 0 in periods with fewer failures than the threshold asks for.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 */
export function failureRate(
  { failures, attempts, successes, period }: FailureRateProps,
  { atLeast }: Pick<FailureThreshold, "atLeast">,
): MathExpression {
  // Without FILL, a period in which every attempt fails has no successes and would have no rate.
  const all = attempts ? "attempts" : "(failures + FILL(successes, 0))";
  return new MathExpression({
    expression: `IF(failures >= ${atLeast}, 100 * failures / ${all}, 0)`,
    usingMetrics: { failures, ...(attempts ? { attempts } : successes && { successes }) },
    label: "Failures (%)",
    period,
  });
}
