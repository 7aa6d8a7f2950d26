import type { IRestApi } from "aws-cdk-lib/aws-apigateway";
import { Metric, type MetricOptions } from "aws-cdk-lib/aws-cloudwatch";
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
