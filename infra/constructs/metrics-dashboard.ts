import { Duration } from "aws-cdk-lib";
import type { IRestApi } from "aws-cdk-lib/aws-apigateway";
import {
  Dashboard,
  GraphWidget,
  type IMetric,
  type Metric,
  PeriodOverride,
} from "aws-cdk-lib/aws-cloudwatch";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import type { MetricName, MetricService } from "../../shared/core/telemetry.ts";
import type { Data, TableVariable } from "./data.ts";
import type { EventFlow } from "./event-flow.ts";
import type { FunctionName, Functions } from "./functions.ts";
import { apiMetric, ownMetric } from "./metrics-and-alarms.ts";
import { tableThrottles } from "./table-throttles.ts";

/** The resources that the dashboard shows. */
export interface MetricsDashboardProps {
  readonly data: Data;
  readonly flow: EventFlow;
  readonly functions: Functions;
}

const PERIOD = Duration.minutes(5);
const SUM = { period: PERIOD, statistic: "Sum" };
const MAXIMUM = { period: PERIOD, statistic: "Maximum" };

/** Creates a graph that takes a third of the dashboard's width. */
const graph = (title: string, left: IMetric[] = [], stacked = false) =>
  new GraphWidget({ title, left, stacked, width: 8, height: 6, leftYAxis: { min: 0 } });

/**
 * The CloudWatch dashboard, with one row each for the API, authorizer, event flow, tables, cleanup, security and
 * functions.
 */
export class MetricsDashboard extends Construct {
  readonly dashboard: Dashboard;
  readonly #calls = graph("API calls");
  readonly #rejections = graph("API errors: 4XX, 5XX");
  readonly #latency = graph("API latency (ms): p50, p99");
  readonly #errors = graph("Function errors (authorizer: includes its 401 responses)");
  readonly #throttles = graph("Function throttles");
  readonly #durations = graph(
    "Function duration (ms): p99, including processing after the response",
  );

  constructor(
    scope: Construct,
    id: string,
    private readonly props: MetricsDashboardProps,
  ) {
    super(scope, id);
    this.dashboard = new Dashboard(this, "Dashboard", {
      periodOverride: PeriodOverride.AUTO,
      widgets: [
        [this.#calls, this.#rejections, this.#latency],
        this.#authorizerRow(),
        ...this.#eventFlowRows(),
        this.#tableRow(),
        this.#cleanupRow(),
        this.#securityRow(),
        this.#detectionRow(),
        [this.#errors, this.#throttles, this.#durations],
      ],
    });
    props.functions.watch((name, created) => this.#addFunction(name, created));
  }

  /** Adds the metrics of an API behind the authorizer. */
  addApi(api: IRestApi): void {
    const metric = (name: string, statistic: string, label: string) =>
      apiMetric(api, name, { period: PERIOD, statistic, label: `${api.restApiName} ${label}` });
    this.#calls.addLeftMetric(metric("Count", "Sum", "calls"));
    this.#rejections.addLeftMetric(metric("4XXError", "Sum", "4XX"));
    this.#rejections.addLeftMetric(metric("5XXError", "Sum", "5XX"));
    this.#latency.addLeftMetric(metric("Latency", "p50", "p50"));
    this.#latency.addLeftMetric(metric("Latency", "p99", "p99"));
  }

  #own<S extends MetricService>(service: S, name: MetricName<S>, statistic = "Sum"): Metric {
    const label = statistic === "Sum" ? name : `${name} ${statistic}`;
    return ownMetric(this.props.functions.metricsName, service, name, {
      period: PERIOD,
      statistic,
      label,
    });
  }

  /** Shows the number of cold starts on the left axis and their duration on the right axis. */
  #coldStarts(): GraphWidget {
    const starts = this.#own("authorizer", "InitDuration", "SampleCount");
    const times = ["p50", "Maximum"].map((each) => this.#own("authorizer", "InitDuration", each));
    const widget = graph("Authorizer cold starts: count, and init time (ms, right)", [starts]);
    for (const time of times) widget.addRightMetric(time);
    return widget;
  }

  #authorizerRow(): GraphWidget[] {
    const outcomes = ["Allowed", "AuthFailed", "ScopeViolation", "Unavailable"] as const;
    return [
      graph(
        "Authorizer decisions",
        outcomes.map((name) => this.#own("authorizer", name)),
        true,
      ),
      graph("Decision time (ms)", [
        this.#own("authorizer", "DecisionDuration", "p50"),
        this.#own("authorizer", "DecisionDuration", "p99"),
      ]),
      this.#coldStarts(),
    ];
  }

  #eventFlowRows(): GraphWidget[][] {
    const { buffer, unpublished, deadLetters, unpublishable } = this.props.flow;
    const stored = ["EventsStored", "EventsDuplicate", "EventsRejected", "EventsRetried"] as const;
    const queues = [
      graph("Waiting events", [
        buffer.metricApproximateNumberOfMessagesVisible({ ...MAXIMUM, label: "Buffer" }),
        unpublished.metricApproximateNumberOfMessagesVisible({ ...MAXIMUM, label: "Unpublished" }),
      ]),
      graph("Age of the oldest waiting event (s)", [
        buffer.metricApproximateAgeOfOldestMessage({ ...MAXIMUM, label: "Buffer" }),
        unpublished.metricApproximateAgeOfOldestMessage({ ...MAXIMUM, label: "Unpublished" }),
      ]),
      graph("Dead letters", [
        deadLetters.metricApproximateNumberOfMessagesVisible({ ...MAXIMUM, label: "DeadLetters" }),
        unpublishable.metricApproximateNumberOfMessagesVisible({
          ...MAXIMUM,
          label: "Unpublishable",
        }),
      ]),
    ];
    const events = [
      graph(
        "Events at the subscriber",
        stored.map((name) => this.#own("subscriber", name)),
      ),
      graph("Time from occurrence to storage (ms)", [
        this.#own("subscriber", "EventLag", "p50"),
        this.#own("subscriber", "EventLag", "p99"),
      ]),
      graph("Event bus unavailable", [
        this.#own("authorizer", "EventsSpooled"),
        this.#own("authorizer", "EventsLost"),
        this.#own("republisher", "EventsReturned"),
        this.#own("republisher", "EventsRejected"),
      ]),
    ];
    return [queues, events];
  }

  #tableRow(): GraphWidget[] {
    const { data } = this.props;
    const tables = Object.keys(data.tables) as TableVariable[];
    const labelled = (variable: TableVariable) => ({
      ...SUM,
      label: data.tables[variable].node.id,
    });
    return [
      graph(
        "Write units consumed",
        tables.map((each) => data.tables[each].metricConsumedWriteCapacityUnits(labelled(each))),
        true,
      ),
      graph(
        "Read units consumed",
        tables.map((each) => data.tables[each].metricConsumedReadCapacityUnits(labelled(each))),
        true,
      ),
      graph(
        "Throttled reads and writes",
        (["ReadThrottleEvents", "WriteThrottleEvents"] as const).flatMap((name) =>
          tableThrottles(data, name, PERIOD).map(({ metric }) => metric),
        ),
      ),
    ];
  }

  #cleanupRow(): GraphWidget[] {
    const removed = [
      "AccessTokensRemoved",
      "AuthorizationCodesRemoved",
      "SessionsRemoved",
      "EventsRemoved",
    ] as const;
    return [
      graph(
        "Removed",
        removed.map((name) => this.#own("cleanup", name)),
        true,
      ),
      graph("Cleanup: finished (1), stopped early (0)", [
        this.#own("cleanup", "CleanupFinished", "Minimum"),
      ]),
      graph("Cleanup duration (ms)", [this.#own("cleanup", "CleanupDuration", "Maximum")]),
    ];
  }

  #detectionRow(): GraphWidget[] {
    const changes = ["AlertsOpened", "AlertsResolved"] as const;
    return [
      graph(
        "Opened and resolved alerts",
        changes.map((name) => this.#own("anomalies", name)),
      ),
      graph("Open alerts", [this.#own("anomalies", "AlertsOpen", "Maximum")]),
      graph("Detection duration (ms)", [this.#own("anomalies", "DetectionDuration", "Maximum")]),
    ];
  }

  #securityRow(): GraphWidget[] {
    const types = ["AuthFailed", "ScopeViolation", "SuspiciousActivity"] as const;
    return types.map((name) => graph(name, [this.#own("subscriber", name)]));
  }

  #addFunction(name: FunctionName, created: IFunction): void {
    this.#errors.addLeftMetric(created.metricErrors({ ...SUM, label: name }));
    this.#throttles.addLeftMetric(created.metricThrottles({ ...SUM, label: name }));
    this.#durations.addLeftMetric(
      created.metricDuration({ period: PERIOD, statistic: "p99", label: name }),
    );
  }
}
