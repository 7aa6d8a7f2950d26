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
import { createAlarm } from "./create-alarm.ts";
import type { Data } from "./data.ts";
import type { EventFlow } from "./event-flow.ts";
import { type FailureRateProps, failureRate } from "./failure-rate.ts";
import { type FunctionName, type Functions, SCHEDULED, timeoutOf } from "./functions.ts";
import { apiMetric, ownMetric } from "./own-metrics.ts";
import { tableThrottles } from "./table-throttles.ts";
import { droppedEvents } from "./undelivered.ts";

/** Threshold of the alarm on one API's 5XX answers. */
export interface ServerErrorsThreshold {
  /**
   * 5XX answers, in percent of all answers in five minutes.
   *
   * @default - `alarms.apiServerErrors.percent` of the configuration, which is 1
   */
  readonly percent?: number;

  /**
   * 5XX answers in five minutes. With 1, one answer is enough for an API with few calls.
   *
   * @default - `alarms.apiServerErrors.atLeast` of the configuration, which is 5
   */
  readonly atLeast?: number;
}

/** What the alarms watch, and the topic they notify. */
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

/** For something that should happen regularly. */
const TOO_FEW = {
  comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
  treatMissingData: TreatMissingData.BREACHING,
};

/** Descriptions for functions whose failure means something specific. */
const ERROR_MEANING: Partial<Record<FunctionName, string>> = {
  Subscriber: "The subscriber fails as a whole; its batches are delivered again",
  Anomalies: "A detection run failed; the next one carries on: see its log",
  Cleanup: "A cleanup run failed: see GET /admin/oauth/cleanup-runs",
};

/** Alarms for every part that fails silently. */
export class Alarms extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly props: AlarmsProps,
  ) {
    super(scope, id);
    // A topic that has a policy of its own no longer lets alarms publish by default. Only this account's
    // alarms may. https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
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
      "Suspicious activity was reported: see GET /admin/oauth/security-events",
      ownMetric(this.props.functions.metricsName, "subscriber", "SuspiciousActivity", SUM),
      props.config.alarms.suspiciousActivity,
    );
  }

  /**
   * Watches an API that the authorizer protects, from the API's own stack.
   *
   * @throws InvalidConfigError when the threshold is out of range
   */
  watchApi(scope: Construct, api: IRestApi, given?: ServerErrorsThreshold): void {
    this.#rateAlarm(
      "OAuthServerErrors",
      "The API answers 5XX; 503 means that the token store does not answer and callers are refused",
      {
        // By name: the API may be in another stack, and this stack must not depend on it.
        failures: apiMetric(api, "5XXError", SUM),
        attempts: apiMetric(api, "Count", SUM),
        period: PERIOD,
      },
      this.#thresholdOf(api, given),
      scope,
    );
  }

  /**
   * Watches an HTTP API that the authorizer protects, from the API's own stack. It has metrics by its id.
   *
   * @throws InvalidConfigError when the threshold is out of range
   */
  watchHttpApi(scope: Construct, api: IHttpApi, given?: ServerErrorsThreshold): void {
    this.#rateAlarm(
      "OAuthServerErrors",
      "The API answers 5XX; 500 can mean that the token store does not answer and callers are refused",
      { failures: api.metricServerError(SUM), attempts: api.metricCount(SUM), period: PERIOD },
      this.#thresholdOf(api, given),
      scope,
    );
  }

  #thresholdOf(api: IRestApi | IHttpApi, given: ServerErrorsThreshold = {}): FailureThreshold {
    const threshold = { ...this.props.config.alarms.apiServerErrors, ...given };
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
      "Events could not be stored: read the reason in the dead-letter queue, fix the cause, redrive",
      flow.deadLetters.metricApproximateNumberOfMessagesVisible(MAXIMUM),
      config.alarms.deadLetters,
    );
    this.#alarm(
      "Unpublishable",
      "The bus never accepted some events: fix the bus, then move them back to the unpublished queue",
      flow.unpublishable.metricApproximateNumberOfMessagesVisible(MAXIMUM),
      config.alarms.deadLetters,
    );
    for (const [name, queue] of [
      ["BufferAge", flow.buffer],
      ["UnpublishedAge", flow.unpublished],
    ] as const) {
      this.#alarm(
        name,
        "Events wait too long: look for throttled tables, errors of the function, or a bus that is down",
        queue.metricApproximateAgeOfOldestMessage(MAXIMUM),
        config.alarms.bufferAgeSeconds,
      );
    }
  }

  /** A key or a policy that shuts out EventBridge shuts it out of the dead letters as well. */
  #watchRules(): void {
    for (const rule of this.props.flow.rules) {
      this.#alarm(
        `${rule.node.id}Dropped`,
        "EventBridge could bring events neither to the buffer nor to the dead letters: look at the policies of queues and key, then replay the archive",
        droppedEvents(rule, SUM),
        1,
      );
    }
  }

  /**
   * Uses the authorizer's own metrics. Lambda counts each 401 as an error, because an authorizer says 401 by
   * an error, and its duration includes the work after the response.
   */
  #watchAuthorizer(): void {
    const { alarms } = this.props.config;
    const { metricsName } = this.props.functions;
    this.#rateAlarm(
      "AuthorizerUnavailable",
      "The authorizer could not decide and callers got 503: look at the tokens table and the authorizer's log",
      {
        failures: ownMetric(metricsName, "authorizer", "Unavailable", SUM),
        // Every decision has one duration.
        attempts: ownMetric(metricsName, "authorizer", "DecisionDuration", {
          period: PERIOD,
          statistic: "SampleCount",
        }),
        period: PERIOD,
      },
      alarms.authorizerUnavailable,
    );
    // No step of the authorizer may take this long, so one timeout is enough. Lambda's errors do not tell a timeout
    // from a 401, but only a timeout lasts as long as the time limit.
    this.#alarm(
      "AuthorizerTimeouts",
      "The authorizer ran into its time limit: its caller waited that long or got 5XX, and events of the call may be lost. Look for the invocation's last line in its log",
      this.props.functions.get("Authorizer").metricDuration(MAXIMUM),
      timeoutOf("Authorizer").toMilliseconds(),
    );
    this.#alarm(
      "AuthorizerLatency",
      "One decision in a hundred takes too long: look at cold starts and at the latency of the tokens table",
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
      "Events could be neither published nor set aside: recover them from the authorizer's log",
      ownMetric(metricsName, "authorizer", "EventsLost", SUM),
      1,
    );
  }

  #watchCleanup(): void {
    const { config, functions } = this.props;
    const period = Duration.minutes(2 * config.cleanup.everyMinutes);
    this.#alarm(
      "CleanupNotRun",
      "No cleanup ran in two periods: look at its schedule",
      functions.get("Cleanup").metricInvocations({ period, statistic: "Sum" }),
      1,
      TOO_FEW,
    );
    this.#alarm(
      "CleanupNotFinished",
      "No cleanup finished in two periods: more expires than is removed, or it fails; see GET /admin/oauth/cleanup-runs",
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
      "No detection ran in three periods: look at its schedule",
      functions.get("Anomalies").metricInvocations({ period, statistic: "Sum" }),
      1,
      TOO_FEW,
    );
  }

  #watchProviders(): void {
    const { config, functions } = this.props;
    if (config.providers.endpoints.length === 0) return;
    this.#alarm(
      "ProviderRequestsRefused",
      "Requests to a provider's path have no valid signature or secret: somebody tries it, or a key was changed on one side only",
      ownMetric(functions.metricsName, "provider-endpoint", "RequestsUnauthenticated", SUM),
      config.alarms.providerRequestsRefused,
    );
  }

  #watchTables(): void {
    const { config, data, functions } = this.props;
    // Every call stores an event, so this grows with the traffic whichever table is throttled.
    const successes = ownMetric(functions.metricsName, "subscriber", "EventsStored", SUM);
    for (const kind of ["Read", "Write"] as const) {
      const sums = tableThrottles(data, `${kind}ThrottleEvents`, PERIOD);
      for (const [index, { names, metric }] of sums.entries()) {
        this.#rateAlarm(
          `Table${kind}Throttles${index + 1}`,
          `DynamoDB throttles ${kind.toLowerCase()}s of one of these: ${names.join(", ")}. Raise the shards of the index, or the account's limits`,
          { failures: metric, successes, period: PERIOD },
          config.alarms.tableThrottles,
        );
      }
    }
  }

  #watchFunction(name: FunctionName, created: IFunction): void {
    const { alarms } = this.props.config;
    const throttled =
      "Lambda throttles the function: raise the account's concurrency, or functions.reservedConcurrency";
    const failed =
      ERROR_MEANING[name] ?? "The function fails, runs out of time or of memory: see its log";
    const throttles = created.metricThrottles(SUM);
    const errors = created.metricErrors(SUM);
    if (SCHEDULED.has(name)) {
      // A schedule starts few runs, whatever the traffic: each one counts.
      this.#alarm(`${name}Throttles`, throttled, throttles, 1);
      this.#alarm(`${name}Errors`, failed, errors, 1);
      return;
    }
    const invocations = created.metricInvocations(SUM);
    this.#rateAlarm(
      `${name}Throttles`,
      throttled,
      // Lambda does not count a throttled invocation as an invocation.
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
