import type { Duration } from "aws-cdk-lib";
import type { IRestApi } from "aws-cdk-lib/aws-apigateway";
import {
  Alarm,
  type AlarmProps,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Metric,
  type MetricOptions,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";
import type { FailureThreshold } from "../../shared/config/alarm-parameters.ts";
import {
  METRICS_NAMESPACE,
  type MetricName,
  type MetricService,
} from "../../shared/core/telemetry.ts";

/**
 * Returns a metric that a function writes in the embedded metric format.
 *
 * @param metricsName dimension that separates several stacks and constructs in one account
 * @param options the default is the sum over five minutes
 */
export function ownMetric<S extends MetricService>(
  metricsName: string,
  service: S,
  metricName: MetricName<S>,
  options: MetricOptions = {},
): Metric {
  return new Metric({
    namespace: METRICS_NAMESPACE,
    metricName,
    dimensionsMap: { service, stack: metricsName },
    statistic: "Sum",
    ...options,
  });
}

/** Returns an API Gateway metric. References the API by name, because the API may be in a different stack. */
export function apiMetric(api: IRestApi, metricName: string, options: MetricOptions): Metric {
  return new Metric({
    namespace: "AWS/ApiGateway",
    metricName,
    dimensionsMap: { ApiName: api.restApiName },
    ...options,
  });
}

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

/** Alarm properties. `metric`, `threshold` and `alarmDescription` are required. */
export type NewAlarmProps = Pick<AlarmProps, "metric" | "threshold"> & {
  readonly alarmDescription: string;
} & Partial<AlarmProps>;

/** Creates an alarm that notifies the topic when it triggers and when it recovers. */
export function createAlarm(
  scope: Construct,
  id: string,
  topic: ITopic,
  props: NewAlarmProps,
): Alarm {
  const alarm = new Alarm(scope, id, {
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    evaluationPeriods: 1,
    treatMissingData: TreatMissingData.NOT_BREACHING,
    ...props,
  });
  const action = new SnsAction(topic);
  alarm.addAlarmAction(action);
  alarm.addOkAction(action);
  return alarm;
}
