import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { type Clock, systemClock } from "../../shared/core/clock.ts";
import {
  METRICS_NAMESPACE,
  type MetricName,
  type MetricService,
} from "../../shared/core/metric-names.ts";

/** Takes a function's measurements and writes them to its log in the embedded metric format. */
export interface FunctionMetrics<S extends MetricService> {
  /** Adds to a metric's sum. */
  count(name: MetricName<S>, value: number): void;
  /** Adds one measurement of a time. */
  milliseconds(name: MetricName<S>, value: number): void;
  /** Writes what was taken since the last time; CloudWatch makes metrics of the line. */
  publish(): void;
  /**
   * Writes it within five seconds in which the function runs, together with what comes until then, and
   * at the latest when its environment ends: a line a call would cost more than the call's storage.
   */
  publishSoon(): void;
}

const SOON_MS = 5000;

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
        // Lambda sends it to a function with an extension, half a second before the environment is gone.
        process.once("SIGTERM", () => {
          publish();
          process.exit(0);
        });
      }
      if (timer === undefined) {
        dueMs = clock() + SOON_MS;
        timer = setTimeout(publish, SOON_MS).unref();
      } else if (clock() >= dueMs) {
        // A timer stands still while the environment is frozen.
        publish();
      }
    },
    count: (name, value) => void metrics.addMetric(name, MetricUnit.Count, value),
    milliseconds: (name, value) => void metrics.addMetric(name, MetricUnit.Milliseconds, value),
  };
}

/**
 * Measures a cold start: milliseconds from the start of the process until now. Call it at the end of a function's
 * initialization. The value is in the first line of metrics of an environment, so a call costs nothing more.
 *
 * Does nothing in an environment of provisioned concurrency, which is ready before a caller comes.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
 */
export function measureInit(
  metrics: FunctionMetrics<"authorizer">,
  variables: Readonly<Record<string, string | undefined>>,
): void {
  if (variables.AWS_LAMBDA_INITIALIZATION_TYPE === "provisioned-concurrency") return;
  metrics.milliseconds("InitDuration", performance.now());
}
