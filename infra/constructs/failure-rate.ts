import type { Duration } from "aws-cdk-lib";
import { type IMetric, MathExpression } from "aws-cdk-lib/aws-cloudwatch";
import type { FailureThreshold } from "../../shared/config/alarm-parameters.ts";

/** The metrics of a failure rate. */
export interface FailureRateProps {
  readonly failures: IMetric;
  /** All attempts, including failures. Set either this or `successes`. */
  readonly attempts?: IMetric;
  /** Successful attempts, if no metric counts all attempts. */
  readonly successes?: IMetric;
  readonly period: Duration;
}

/**
 * Returns failures as a percentage of all attempts, or 0 for periods with fewer than `atLeast` failures.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 */
export function failureRate(
  { failures, attempts, successes, period }: FailureRateProps,
  { atLeast }: Pick<FailureThreshold, "atLeast">,
): MathExpression {
  // Without FILL, a period in which every attempt fails would have no data for successes, and therefore no rate.
  const all = attempts ? "attempts" : "(failures + FILL(successes, 0))";
  return new MathExpression({
    expression: `IF(failures >= ${atLeast}, 100 * failures / ${all}, 0)`,
    usingMetrics: { failures, ...(attempts ? { attempts } : successes && { successes }) },
    label: "Failures (%)",
    period,
  });
}
