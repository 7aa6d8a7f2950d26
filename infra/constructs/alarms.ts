import { Duration, Stack } from "aws-cdk-lib";
import type { IRestApi } from "aws-cdk-lib/aws-apigateway";
import type { IHttpApi } from "aws-cdk-lib/aws-apigatewayv2";
import {
  type AlarmProps,
  ComparisonOperator,
  type IMetric,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import {
  type FailureThreshold,
  failureThresholdSchema,
} from "../../shared/config/alarm-parameters.ts";
import {
  InvalidConfigError,
  type MonitoringConfig,
} from "../../shared/config/monitoring-config.ts";
import type { Data } from "./data.ts";
import type { EventFlow } from "./event-flow.ts";
import { FUNCTIONS } from "./function-table.ts";
import type { FunctionName, Functions } from "./functions.ts";
import {
  apiMetric,
  createAlarm,
  type FailureRateProps,
  failureRate,
  ownMetric,
} from "./metrics-and-alarms.ts";
import { tableThrottles } from "./table-throttles.ts";
import { droppedEvents } from "./undelivered.ts";

/** Threshold for the alarm on an API's 5XX responses. */
export interface ServerErrorsThreshold {
  /**
   * 5XX responses as a percentage of all responses in five minutes.
   *
   * @default - `alarms.apiServerErrors.percent` of the configuration, which is 1
   */
  readonly percent?: number;

  /**
   * Minimum number of 5XX responses in five minutes. For an API with little traffic, use 1 so that a single error
   * triggers the alarm.
   *
   * @default - `alarms.apiServerErrors.atLeast` of the configuration, which is 5
   */
  readonly atLeast?: number;
}

/** The resources to watch, and the topic to notify. */
export interface AlarmsProps {
  readonly config: MonitoringConfig;
  readonly data: Data;
  readonly flow: EventFlow;
  readonly functions: Functions;
  readonly topic: ITopic;
}

const PERIOD = Duration.minutes(5);
const SUM = { period: PERIOD, statistic: "Sum" };
const MAXIMUM = { period: PERIOD, statistic: "Maximum" };

/** Alarm options for something that must happen regularly. */
const TOO_FEW = {
  comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
  treatMissingData: TreatMissingData.BREACHING,
};

/** Alarm descriptions for functions whose errors have a specific meaning. */
const ERROR_MEANING: Partial<Record<FunctionName, string>> = {
  Subscriber: "The subscriber failed; its batches will be retried. Read its log",
  Anomalies: "A detection run failed; the next run resumes. Read the log of Anomalies",
  Cleanup: "A cleanup run failed. Read the error at GET /admin/oauth/cleanup-runs",
};

/** Alarms on every component that would otherwise fail silently. */
export class Alarms extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly props: AlarmsProps,
  ) {
    super(scope, id);
    // Once a topic has a resource policy, alarms may no longer publish to it by default. This statement allows alarms
    // in this account only.
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    props.topic.grantPublish(
      new ServicePrincipal("cloudwatch.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": Stack.of(this).account } },
      }),
    );
    this.#watchQueues();
    this.#watchRules();
    this.#watchAuthorizer();
    this.#watchCleanup();
    this.#watchDetection();
    this.#watchTables();
    this.#watchProviders();
    props.functions.watch((name, created) => this.#watchFunction(name, created));
    this.#alarm(
      "SuspiciousActivity",
      "Suspicious activity was reported. Review GET /admin/oauth/security-events",
      ownMetric(this.props.functions.metricsName, "subscriber", "SuspiciousActivity", SUM),
      props.config.alarms.suspiciousActivity,
    );
  }

  /**
   * Adds an alarm on an API behind the authorizer to the API's own stack.
   *
   * @throws InvalidConfigError if the threshold is out of range
   */
  watchApi(scope: Construct, api: IRestApi, override?: ServerErrorsThreshold): void {
    this.#rateAlarm(
      "OAuthServerErrors",
      "The API returns 5XX. 503 means that the token store does not respond and calls are denied",
      {
        // References the API by name, because the API may be in a different stack that this stack must not depend on.
        failures: apiMetric(api, "5XXError", SUM),
        attempts: apiMetric(api, "Count", SUM),
        period: PERIOD,
      },
      this.#getThreshold(api, override),
      scope,
    );
  }

  /**
   * Adds an alarm on an HTTP API behind the authorizer to the API's own stack. CloudWatch identifies an HTTP API by its
   * ID.
   *
   * @throws InvalidConfigError if the threshold is out of range
   */
  watchHttpApi(scope: Construct, api: IHttpApi, override?: ServerErrorsThreshold): void {
    this.#rateAlarm(
      "OAuthServerErrors",
      "The API returns 5XX. 500 can mean that the token store does not respond and calls are denied",
      { failures: api.metricServerError(SUM), attempts: api.metricCount(SUM), period: PERIOD },
      this.#getThreshold(api, override),
      scope,
    );
  }

  #getThreshold(api: IRestApi | IHttpApi, override: ServerErrorsThreshold = {}): FailureThreshold {
    const threshold = { ...this.props.config.alarms.apiServerErrors, ...override };
    const parsed = failureThresholdSchema.safeParse(threshold);
    if (!parsed.success) {
      throw new InvalidConfigError(`the alarm option of ${api.node.path}`, parsed.error);
    }
    return parsed.data;
  }

  #watchQueues(): void {
    const { config, flow } = this.props;
    this.#alarm(
      "DeadLetters",
      "Events could not be stored. List the reasons with dead-letters list, fix the cause, then run dead-letters redrive",
      flow.deadLetters.metricApproximateNumberOfMessagesVisible(MAXIMUM),
      config.alarms.deadLetters,
    );
    this.#alarm(
      "Unpublishable",
      "The event bus rejected some events on every attempt. Fix the bus, then move them back to the unpublished queue",
      flow.unpublishable.metricApproximateNumberOfMessagesVisible(MAXIMUM),
      config.alarms.deadLetters,
    );
    for (const [name, queue] of [
      ["BufferAge", flow.buffer],
      ["UnpublishedAge", flow.unpublished],
    ] as const) {
      this.#alarm(
        name,
        "Events wait too long in the queue. Check for throttled tables, function errors, and an unavailable event bus",
        queue.metricApproximateAgeOfOldestMessage(MAXIMUM),
        config.alarms.bufferAgeSeconds,
      );
    }
  }

  /**
   * Watches for events that EventBridge dropped. They aren't in the dead-letter queue, because a key or policy that
   * denies access to the target usually denies access to its dead-letter queue too.
   */
  #watchRules(): void {
    for (const rule of this.props.flow.rules) {
      this.#alarm(
        `${rule.node.id}Dropped`,
        "EventBridge could deliver events neither to the buffer queue nor to the dead-letter queue. Check the policies of the queues and the KMS key, then replay the archive",
        droppedEvents(rule, SUM),
        1,
      );
    }
  }

  /**
   * Watches the authorizer through its own metrics, because Lambda's are misleading: an authorizer returns 401 by
   * throwing, which Lambda counts as an error, and Lambda's duration includes the work after the response.
   */
  #watchAuthorizer(): void {
    const { alarms } = this.props.config;
    const { metricsName } = this.props.functions;
    this.#rateAlarm(
      "AuthorizerUnavailable",
      "The authorizer could not decide and callers received 503. Check the tokens table and the authorizer's log",
      {
        failures: ownMetric(metricsName, "authorizer", "Unavailable", SUM),
        // Every decision records one duration, so the sample count is the number of decisions.
        attempts: ownMetric(metricsName, "authorizer", "DecisionDuration", {
          period: PERIOD,
          statistic: "SampleCount",
        }),
        period: PERIOD,
      },
      alarms.authorizerUnavailable,
    );
    // A single timeout triggers this alarm, because no step of the authorizer should take that long. The alarm uses the
    // duration, because Lambda's error count includes 401s.
    this.#alarm(
      "AuthorizerTimeouts",
      "The authorizer timed out: callers waited that long or received 5XX, and events may be lost. Find the invocation's last line in its log",
      this.props.functions.get("Authorizer").metricDuration(MAXIMUM),
      FUNCTIONS.Authorizer.timeout.toMilliseconds(),
    );
    this.#alarm(
      "AuthorizerLatency",
      "The 99th percentile of the decision time is too high. Check cold starts and the latency of the tokens table",
      ownMetric(metricsName, "authorizer", "DecisionDuration", {
        period: PERIOD,
        statistic: "p99",
      }),
      alarms.authorizerP99Milliseconds,
      // With few calls, the 99th percentile is just the slowest call.
      { evaluationPeriods: 3, evaluateLowSampleCountPercentile: "ignore" },
    );
    this.#alarm(
      "EventsLost",
      "Events could be neither published nor spooled. Recover them from the authorizer's log",
      ownMetric(metricsName, "authorizer", "EventsLost", SUM),
      1,
    );
  }

  #watchCleanup(): void {
    const { config, functions } = this.props;
    const period = Duration.minutes(2 * config.cleanup.everyMinutes);
    this.#alarm(
      "CleanupNotRun",
      "No cleanup started in two periods. Check its schedule",
      functions.get("Cleanup").metricInvocations({ period, statistic: "Sum" }),
      1,
      TOO_FEW,
    );
    this.#alarm(
      "CleanupNotFinished",
      "No cleanup finished in two periods: it fails, or items expire faster than it deletes them. Check GET /admin/oauth/cleanup-runs",
      ownMetric(this.props.functions.metricsName, "cleanup", "CleanupFinished", {
        period,
        statistic: "Maximum",
      }),
      1,
      // A cleanup that is killed writes no metric.
      TOO_FEW,
    );
  }

  #watchDetection(): void {
    const { config, functions } = this.props;
    const period = Duration.minutes(3 * config.anomalies.everyMinutes);
    this.#alarm(
      "DetectionNotRun",
      "No detection ran in three periods. Check its schedule",
      functions.get("Anomalies").metricInvocations({ period, statistic: "Sum" }),
      1,
      TOO_FEW,
    );
  }

  #watchProviders(): void {
    const { config, functions } = this.props;
    if (config.providers.endpoints.length === 0) return;
    this.#alarm(
      "ProviderRequestsRejected",
      "Requests to a provider endpoint have no valid signature or secret. Check whether a key was changed on one side only; otherwise treat it as an attack",
      ownMetric(functions.metricsName, "provider-endpoint", "RequestsUnauthenticated", SUM),
      config.alarms.providerRequestsRejected,
    );
  }

  #watchTables(): void {
    const { config, data, functions } = this.props;
    // Every call stores an event, so this metric grows with the traffic of every table.
    const successes = ownMetric(functions.metricsName, "subscriber", "EventsStored", SUM);
    for (const kind of ["Read", "Write"] as const) {
      const sums = tableThrottles(data, `${kind}ThrottleEvents`, PERIOD);
      for (const [index, { names, metric }] of sums.entries()) {
        this.#rateAlarm(
          `Table${kind}Throttles${index + 1}`,
          `DynamoDB throttles ${kind.toLowerCase()}s of one of: ${names.join(", ")}. Increase the index's shard count, or the account's limits`,
          { failures: metric, successes, period: PERIOD },
          config.alarms.tableThrottles,
        );
      }
    }
  }

  #watchFunction(name: FunctionName, created: IFunction): void {
    const { alarms } = this.props.config;
    const throttled =
      "Lambda throttles the function. Increase the account's concurrency, or functions.reservedConcurrency";
    const failed =
      ERROR_MEANING[name] ?? "The function fails, times out or runs out of memory. Read its log";
    const throttles = created.metricThrottles(SUM);
    const errors = created.metricErrors(SUM);
    if (FUNCTIONS[name].everyMinutes) {
      // A scheduled function runs rarely, even with heavy traffic, so a single error triggers the alarm.
      this.#alarm(`${name}Throttles`, throttled, throttles, 1);
      this.#alarm(`${name}Errors`, failed, errors, 1);
      return;
    }
    const invocations = created.metricInvocations(SUM);
    this.#rateAlarm(
      `${name}Throttles`,
      throttled,
      // Lambda doesn't count a throttled invocation as an invocation.
      { failures: throttles, successes: invocations, period: PERIOD },
      alarms.functionThrottles,
    );
    if (name === "Authorizer") return;
    this.#rateAlarm(
      `${name}Errors`,
      failed,
      { failures: errors, attempts: invocations, period: PERIOD },
      alarms.functionErrors,
    );
  }

  #rateAlarm(
    name: string,
    alarmDescription: string,
    rate: FailureRateProps,
    threshold: FailureThreshold,
    scope: Construct = this,
  ): void {
    this.#alarm(name, alarmDescription, failureRate(rate, threshold), threshold.percent, {}, scope);
  }

  #alarm(
    name: string,
    alarmDescription: string,
    metric: IMetric,
    threshold: number,
    differences: Partial<AlarmProps> = {},
    scope: Construct = this,
  ): void {
    createAlarm(scope, name, this.props.topic, {
      alarmDescription,
      metric,
      threshold,
      ...differences,
    });
  }
}
