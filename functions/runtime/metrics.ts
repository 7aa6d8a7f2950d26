import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { type Clock, systemClock } from "../../shared/core/clock.ts";
import {
  METRICS_NAMESPACE,
  type MetricName,
  type MetricService,
} from "../../shared/core/telemetry.ts";

/** Collects metrics and writes them to the log in the embedded metric format. */
export interface FunctionMetrics<S extends MetricService> {
  /** Adds to the sum of a metric. */
  count(name: MetricName<S>, value: number): void;
  /** Adds a duration in milliseconds. */
  milliseconds(name: MetricName<S>, value: number): void;
  /** Writes the metrics that were collected since the last call. */
  publish(): void;
  /**
   * Writes the metrics within five seconds of execution time, or when the environment shuts down. Writing them in
   * batches matters because one log line per call would cost more than storing the call's event.
   */
  publishSoon(): void;
}

const SOON_MS = 5000;

/**
 * Creates the metrics of a function. Service and stack are the only dimensions, so that the number of metrics doesn't
 * grow with clients or traffic.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 *
 * @param stack separates the metrics of stacks in one account
 */
export function createMetrics<S extends MetricService>(
  serviceName: S,
  stack: string,
  clock: Clock = systemClock,
): FunctionMetrics<S> {
  const metrics = new Metrics({
    namespace: METRICS_NAMESPACE,
    serviceName,
    defaultDimensions: { stack },
  });
  let timer: NodeJS.Timeout | undefined;
  let dueMs = 0;
  const publish = () => {
    clearTimeout(timer);
    timer = undefined;
    if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
  };
  let watchesEnd = false;
  return {
    publish,
    publishSoon() {
      if (!watchesEnd) {
        watchesEnd = true;
        // If a function has an extension, Lambda sends SIGTERM half a second before it ends the environment.
        process.once("SIGTERM", () => {
          publish();
          process.exit(0);
        });
      }
      if (timer === undefined) {
        dueMs = clock() + SOON_MS;
        timer = setTimeout(publish, SOON_MS).unref();
      } else if (clock() >= dueMs) {
        // Timers don't run while the environment is frozen.
        publish();
      }
    },
    count: (name, value) => void metrics.addMetric(name, MetricUnit.Count, value),
    milliseconds: (name, value) => void metrics.addMetric(name, MetricUnit.Milliseconds, value),
  };
}

/**
 * Measures a cold start: the milliseconds since the start of the process. Call it at the end of a function's
 * initialization. The value is written together with the first metrics, so it adds no cost per call.
 *
 * Does nothing with provisioned concurrency, where callers don't wait for initialization.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
 */
export function measureInit(
  metrics: FunctionMetrics<"authorizer">,
  variables: Readonly<Record<string, string | undefined>>,
): void {
  if (variables.AWS_LAMBDA_INITIALIZATION_TYPE === "provisioned-concurrency") return;
  metrics.milliseconds("InitDuration", performance.now());
}
