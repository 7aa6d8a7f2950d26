import { type Duration, Stack } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import type { Construct } from "constructs";
import {
  METRICS_NAMESPACE,
  type MetricName,
  type MetricService,
} from "../../shared/telemetry/metric-names.ts";

/** How a metric is looked at. */
export interface MetricView {
  readonly statistic: string;
  readonly period: Duration;
  readonly label?: string;
}

/** A metric that a function of the scope's stack writes in the embedded metric format. */
export function ownMetric<S extends MetricService>(
  scope: Construct,
  service: S,
  metricName: MetricName<S>,
  view: MetricView,
): Metric {
  return new Metric({
    namespace: METRICS_NAMESPACE,
    metricName,
    dimensionsMap: { service, stack: Stack.of(scope).stackName },
    ...view,
  });
}
