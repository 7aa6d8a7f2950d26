import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import {
  METRICS_NAMESPACE,
  type MetricName,
  type MetricService,
} from "../../shared/telemetry/metric-names.ts";

/** Takes a function's measurements and writes them to its log in the embedded metric format. */
export interface FunctionMetrics<S extends MetricService> {
  /** Adds to a metric's sum. */
  count(name: MetricName<S>, value: number): void;
  /** Adds one measurement of a time. */
  milliseconds(name: MetricName<S>, value: number): void;
  /** Writes what was taken since the last time; CloudWatch makes metrics of the line. */
  publish(): void;
}

/**
 * The metrics of a function, by service and stack and nothing else, so that their number does not grow
 * with clients or traffic.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 *
 * @param stack keeps apart the metrics of stacks that share an account
 */
export function createMetrics<S extends MetricService>(
  serviceName: S,
  stack: string,
): FunctionMetrics<S> {
  const metrics = new Metrics({
    namespace: METRICS_NAMESPACE,
    serviceName,
    defaultDimensions: { stack },
  });
  return {
    count: (name, value) => void metrics.addMetric(name, MetricUnit.Count, value),
    milliseconds: (name, value) => void metrics.addMetric(name, MetricUnit.Milliseconds, value),
    publish() {
      if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
    },
  };
}
