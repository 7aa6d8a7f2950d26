import type { IRestApi } from "aws-cdk-lib/aws-apigateway";
import { Metric, type MetricOptions } from "aws-cdk-lib/aws-cloudwatch";
import {
  METRICS_NAMESPACE,
  type MetricName,
  type MetricService,
} from "../../shared/core/metric-names.ts";

/**
 * A metric that a function writes in the embedded metric format.
 *
 * @param metricsName the dimension that distinguishes several stacks and constructs in one account
 * @param options default: the sum of five minutes
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

/** A metric of API Gateway, by the API's name, because the API may be in another stack. */
export function apiMetric(api: IRestApi, metricName: string, options: MetricOptions): Metric {
  return new Metric({
    namespace: "AWS/ApiGateway",
    metricName,
    dimensionsMap: { ApiName: api.restApiName },
    ...options,
  });
}
