import { Duration, Stack } from "aws-cdk-lib";
import type { IRestApi } from "aws-cdk-lib/aws-apigateway";
import type { IHttpApi } from "aws-cdk-lib/aws-apigatewayv2";
import {
  Alarm,
  type AlarmProps,
  ComparisonOperator,
  type IMetric,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import type { MonitoringConfig } from "../../shared/config/monitoring-config.ts";
import type { Data } from "./data.ts";
import type { EventFlow } from "./event-flow.ts";
import type { FunctionName, Functions } from "./functions.ts";
import { apiMetric, ownMetric } from "./own-metrics.ts";
import { tableThrottles } from "./table-throttles.ts";
import { droppedEvents } from "./undelivered.ts";

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

  /** Watches an API that the authorizer protects, from the API's own stack. */
  watchApi(scope: Construct, api: IRestApi): void {
    this.#alarm(
      "OAuthServerErrors",
      "The API answers 5XX; 503 means that the token store does not answer and callers are refused",
      // By name: the API may be in another stack, and this stack must not depend on it.
      apiMetric(api, "5XXError", SUM),
      this.props.config.alarms.apiServerErrors,
      {},
      scope,
    );
  }

  /** Watches an HTTP API that the authorizer protects, from the API's own stack. It has metrics by its id. */
  watchHttpApi(scope: Construct, api: IHttpApi): void {
    this.#alarm(
      "OAuthServerErrors",
      "The API answers 5XX; 500 can mean that the token store does not answer and callers are refused",
      api.metricServerError(SUM),
      this.props.config.alarms.apiServerErrors,
      {},
      scope,
    );
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
    this.#alarm(
      "AuthorizerUnavailable",
      "The authorizer could not decide and callers got 503: look at the tokens table and the authorizer's log",
      ownMetric(this.props.functions.metricsName, "authorizer", "Unavailable", SUM),
      alarms.authorizerUnavailable,
    );
    this.#alarm(
      "AuthorizerLatency",
      "One decision in a hundred takes too long: look at cold starts and at the latency of the tokens table",
      ownMetric(this.props.functions.metricsName, "authorizer", "DecisionDuration", {
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
      ownMetric(this.props.functions.metricsName, "authorizer", "EventsLost", SUM),
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
    const { config, data } = this.props;
    for (const kind of ["Read", "Write"] as const) {
      const sums = tableThrottles(data, `${kind}ThrottleEvents`, PERIOD);
      for (const [index, { names, metric }] of sums.entries()) {
        this.#alarm(
          `Table${kind}Throttles${index + 1}`,
          `DynamoDB throttles ${kind.toLowerCase()}s of one of these: ${names.join(", ")}. Raise the shards of the index, or the account's limits`,
          metric,
          config.alarms.tableThrottles,
        );
      }
    }
  }

  #watchFunction(name: FunctionName, created: IFunction): void {
    const { alarms } = this.props.config;
    this.#alarm(
      `${name}Throttles`,
      "Lambda throttles the function: raise the account's concurrency, or functions.reservedConcurrency",
      created.metricThrottles(SUM),
      alarms.functionThrottles,
    );
    if (name === "Authorizer") return;
    this.#alarm(
      `${name}Errors`,
      ERROR_MEANING[name] ?? "The function fails, runs out of time or of memory: see its log",
      created.metricErrors(SUM),
      alarms.functionErrors,
    );
  }

  #alarm(
    name: string,
    alarmDescription: string,
    metric: IMetric,
    threshold: number,
    differences: Partial<AlarmProps> = {},
    scope: Construct = this,
  ): void {
    new Alarm(scope, name, {
      alarmDescription,
      metric,
      threshold,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      ...differences,
    }).addAlarmAction(new SnsAction(this.props.topic));
  }
}
