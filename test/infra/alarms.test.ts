import { readFileSync } from "node:fs";
import { join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { MockIntegration, RestApi } from "aws-cdk-lib/aws-apigateway";
import { HttpApi } from "aws-cdk-lib/aws-apigatewayv2";
import { describe, expect, inject, it } from "vitest";
import { OAuthMonitoring } from "../../infra/oauth-monitoring.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { TABLES } from "../../shared/core/tables.ts";
import { METRIC_NAMES } from "../../shared/core/telemetry.ts";
import { ALARM_METRICS } from "../../shared/cost/estimate.ts";
import { ENDPOINTS } from "../provider-endpoints.ts";
import { NOTIFICATIONS, SIGNALS } from "../signals-config.ts";

const assembly = inject("assembly");
const file = join(assembly.directory, `${assembly.stackName}.template.json`);
const template = Template.fromJSON(JSON.parse(readFileSync(file, "utf8")));

interface WatchedMetric {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: unknown }[];
}

interface MetricQuery {
  readonly Id?: string;
  readonly Expression?: string;
  readonly ReturnData?: boolean;
  readonly MetricStat?: { readonly Stat: string; readonly Metric: WatchedMetric };
}

interface AlarmProperties {
  readonly AlarmDescription: string;
  readonly AlarmActions: readonly unknown[];
  readonly OKActions?: readonly unknown[];
  readonly Namespace?: string;
  readonly MetricName?: string;
  readonly Threshold: number;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: unknown }[];
  readonly Metrics?: readonly MetricQuery[];
}

/** Returns the alarms, keyed by the end of the construct path. */
function getAlarms(source: Template): Record<string, AlarmProperties> {
  const found = Object.entries(source.findResources("AWS::CloudWatch::Alarm"));
  return Object.fromEntries(
    found.map(([logicalId, { Properties }]) => [
      logicalId.replace(/^.*Alarms(?=[A-Z])/, "").replace(/[0-9A-F]{8}$/, ""),
      Properties,
    ]),
  );
}

const alarms = getAlarms(template);
/** Returns the metrics that an alarm watches. */
const getMetrics = ({ Metrics, ...single }: AlarmProperties): WatchedMetric[] =>
  Metrics?.flatMap(({ MetricStat }) => MetricStat?.Metric ?? []) ?? [single as WatchedMetric];

/** Returns the expression that an alarm compares with its threshold. */
const getExpression = ({ Metrics = [] }: AlarmProperties) =>
  Metrics.find(({ Expression, ReturnData = true }) => Expression && ReturnData)?.Expression;

/** Returns the metric with the given ID in an alarm's expression. */
const metricById = ({ Metrics = [] }: AlarmProperties, id: string) =>
  Metrics.find(({ Id }) => Id === id)?.MetricStat;

const functionNames = Object.keys(template.findResources("AWS::Lambda::Function")).map((id) =>
  id.replace(/^.*Functions(?=[A-Z])/, "").replace(/[0-9A-F]{8}$/, ""),
);

/** Functions that run on a schedule. */
const SCHEDULED = new Set(["Anomalies", "Cleanup"]);

/** Metrics that AWS documents, by namespace, with their sets of dimensions. */
const AWS_METRICS: Record<string, { names: string[]; dimensions: string[][] }> = {
  "AWS/ApiGateway": {
    names: ["5XXError", "5xx", "Count"],
    dimensions: [["ApiName"], ["ApiId"]],
  },
  "AWS/DynamoDB": {
    names: ["ReadThrottleEvents", "WriteThrottleEvents"],
    dimensions: [["TableName"], ["GlobalSecondaryIndexName", "TableName"]],
  },
  "AWS/Events": {
    names: ["InvocationsFailedToBeSentToDlq"],
    dimensions: [["RuleName"], ["EventBusName", "RuleName"]],
  },
  "AWS/Firehose": {
    names: ["DeliveryToS3.DataFreshness"],
    dimensions: [["DeliveryStreamName"]],
  },
  "AWS/Lambda": {
    names: ["Duration", "Errors", "Invocations", "Throttles"],
    dimensions: [["FunctionName"]],
  },
  "AWS/SQS": {
    names: ["ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"],
    dimensions: [["QueueName"]],
  },
};

/** Resource types by dimension name. Partner event buses and the default bus aren't in the stack. */
const RESOURCE_OF: Record<string, string> = {
  ApiId: "AWS::ApiGatewayV2::Api",
  DeliveryStreamName: "AWS::KinesisFirehose::DeliveryStream",
  FunctionName: "AWS::Lambda::Function",
  QueueName: "AWS::SQS::Queue",
  RuleName: "AWS::Events::Rule",
  TableName: "AWS::DynamoDB::Table",
};

const own = (service: string, MetricName: string) => ({
  Namespace: "OAuthMonitoring",
  MetricName,
  Dimensions: [
    { Name: "service", Value: service },
    { Name: "stack", Value: "OAuthMonitoring/OAuthMonitoring" },
  ],
});

describe("alarms", () => {
  it("watch as many metrics as the cost estimate assumes", () => {
    expect(Object.values(alarms).flatMap(getMetrics)).toHaveLength(ALARM_METRICS);
  });

  it("fire when a share of a function's invocations fails, but not for a few failures", () => {
    for (const name of functionNames.filter((each) => !SCHEDULED.has(each))) {
      const throttles = alarms[`${name}Throttles`] as AlarmProperties;
      expect(throttles.Threshold).toBe(1);
      expect(getExpression(throttles)).toBe(
        "IF(failures >= 5, 100 * failures / (failures + FILL(successes, 0)), 0)",
      );
      expect(metricById(throttles, "failures")).toMatchObject({
        Stat: "Sum",
        Metric: { MetricName: "Throttles" },
      });
      expect(metricById(throttles, "successes")).toMatchObject({
        Stat: "Sum",
        Metric: { MetricName: "Invocations" },
      });
      if (name === "Authorizer") continue;
      const errors = alarms[`${name}Errors`] as AlarmProperties;
      expect(errors.Threshold).toBe(1);
      expect(getExpression(errors)).toBe("IF(failures >= 5, 100 * failures / attempts, 0)");
      expect(metricById(errors, "failures")).toMatchObject({
        Stat: "Sum",
        Metric: { MetricName: "Errors" },
      });
      expect(metricById(errors, "attempts")).toMatchObject({
        Stat: "Sum",
        Metric: { MetricName: "Invocations" },
      });
    }
    expect(functionNames).toContain("Stats");
  });

  it("fire when a scheduled function fails or is throttled once", () => {
    for (const name of ["Anomalies", "Cleanup"]) {
      expect(alarms[`${name}Throttles`]).toMatchObject({ MetricName: "Throttles", Threshold: 1 });
      expect(alarms[`${name}Errors`]).toMatchObject({ MetricName: "Errors", Threshold: 1 });
    }
  });

  it("fire when the authorizer times out but not when it responds with 401", () => {
    const [authorizer] = Object.values(
      template.findResources("AWS::Lambda::Function", {
        Properties: { Environment: { Variables: { POWERTOOLS_SERVICE_NAME: "authorizer" } } },
      }),
    );
    expect(alarms.AuthorizerTimeouts).toMatchObject({
      Namespace: "AWS/Lambda",
      MetricName: "Duration",
      Statistic: "Maximum",
      ComparisonOperator: "GreaterThanOrEqualToThreshold",
      Threshold: authorizer?.Properties.Timeout * 1000,
      Dimensions: [
        { Name: "FunctionName", Value: { Ref: expect.stringContaining("FunctionsAuthorizer") } },
      ],
    });
  });

  it("fire when a share of an API's responses are errors, with a threshold that attach can set per API", () => {
    const stack = new Stack(new App(), "Shop");
    const monitoring = new OAuthMonitoring(stack, "Monitoring");
    const quiet = new RestApi(stack, "Quiet");
    const busy = new RestApi(stack, "Busy");
    const http = new HttpApi(stack, "Http");
    for (const api of [quiet, busy]) api.root.addMethod("GET", new MockIntegration());
    monitoring.attach(quiet, { alarm: { atLeast: 1 } });
    monitoring.attach(busy);
    monitoring.attach(http, { alarm: { percent: 10, atLeast: 50 } });
    const byApi = Object.fromEntries(
      Object.values(getAlarms(Template.fromStack(stack)))
        .filter((alarm) => metricById(alarm, "attempts")?.Metric.Namespace === "AWS/ApiGateway")
        .map((alarm) => [JSON.stringify(metricById(alarm, "attempts")?.Metric.Dimensions), alarm]),
    );
    const found = Object.entries(byApi).map(([dimensions, alarm]) => {
      const names = ["failures", "attempts"].map((id) => metricById(alarm, id)?.Metric.MetricName);
      return [
        /Quiet|Busy|Http/.exec(dimensions)?.[0],
        alarm.Threshold,
        getExpression(alarm),
        ...names,
      ];
    });
    const rate = (atLeast: number) => `IF(failures >= ${atLeast}, 100 * failures / attempts, 0)`;
    expect(found.sort()).toEqual([
      ["Busy", 1, rate(5), "5XXError", "Count"],
      ["Http", 10, rate(50), "5xx", "Count"],
      ["Quiet", 1, rate(1), "5XXError", "Count"],
    ]);
    const secondApi = new RestApi(stack, "Another");
    secondApi.root.addMethod("GET", new MockIntegration());
    expect(() => monitoring.attach(secondApi, { alarm: { percent: 101 } })).toThrow(
      /alarm option of Shop\/Another.*percent/s,
    );
  });

  it("watch the events that each rule drops, by rule name and event bus", () => {
    const stack = new Stack(new App(), "Shop");
    const providers = {
      partnerEventBuses: ["aws.partner/auth0.com/tenant-1a2b/auth0.logs"],
      cognito: true,
    };
    new OAuthMonitoring(stack, "Monitoring", { config: { providers } });
    const dropped = getAlarms(Template.fromStack(stack));
    const nameAt = (index: number, part: string) => ({
      Name: "RuleName",
      Value: {
        "Fn::Select": [
          index,
          { "Fn::Split": ["/", { "Fn::GetAtt": [expect.stringContaining(part), "Arn"] }] },
        ],
      },
    });
    const bus = (Value: unknown) => ({ Name: "EventBusName", Value });
    const ownBus = { Ref: expect.stringContaining("EventFlowBus") };
    for (const [name, dimensions] of [
      ["StoredDropped", [bus(ownBus), nameAt(2, "Stored")]],
      ["Partner0Dropped", [bus(providers.partnerEventBuses[0]), nameAt(5, "Partner0")]],
      ["CognitoDropped", [nameAt(1, "Cognito")]],
    ] as const) {
      expect(dropped[name]).toMatchObject({
        Namespace: "AWS/Events",
        MetricName: "InvocationsFailedToBeSentToDlq",
        Dimensions: dimensions,
        Threshold: 1,
      });
    }
  });

  it("watch the dead-letter queue of every rule target that delivers events", () => {
    const stack = new Stack(new App(), "Shop");
    new OAuthMonitoring(stack, "Monitoring", {
      config: {
        ocsfExport: { enabled: true },
        providers: { cognito: true },
        signals: SIGNALS,
        notifications: NOTIFICATIONS,
      },
    });
    const template = Template.fromStack(stack);
    const watched = new Set(
      Object.values(getAlarms(template))
        .filter(({ MetricName }) => MetricName === "ApproximateNumberOfMessagesVisible")
        .flatMap(({ Dimensions = [] }) => Dimensions.map(({ Value }) => JSON.stringify(Value)))
        .flatMap((name) => /"(\w+)","QueueName"/.exec(name)?.[1] ?? []),
    );
    const targets = Object.values(template.findResources("AWS::Events::Rule"))
      .filter(({ Properties }) => Properties.EventPattern)
      .flatMap(({ Properties }) => Properties.Targets);
    expect(targets.length).toBeGreaterThan(5);
    for (const target of targets) {
      expect(target.RetryPolicy).toEqual({
        MaximumEventAgeInSeconds: 86_400,
        MaximumRetryAttempts: 185,
      });
      expect(watched).toContain(target.DeadLetterConfig.Arn["Fn::GetAtt"][0]);
    }
  });

  it("ignore the authorizer's 401 responses", () => {
    expect(alarms.AuthorizerErrors).toBeUndefined();
    const unavailable = alarms.AuthorizerUnavailable as AlarmProperties;
    expect(unavailable.Threshold).toBe(1);
    expect(getExpression(unavailable)).toBe("IF(failures >= 5, 100 * failures / attempts, 0)");
    expect(metricById(unavailable, "failures")).toMatchObject({
      Stat: "Sum",
      Metric: own("authorizer", "Unavailable"),
    });
    expect(metricById(unavailable, "attempts")).toMatchObject({
      Stat: "SampleCount",
      Metric: own("authorizer", "DecisionDuration"),
    });
  });

  it("watch the p99 decision latency only when there are enough samples", () => {
    expect(alarms.AuthorizerLatency).toMatchObject({
      ...own("authorizer", "DecisionDuration"),
      ExtendedStatistic: "p99",
      EvaluateLowSampleCountPercentile: "ignore",
      EvaluationPeriods: 3,
      Threshold: 500,
    });
  });

  it("fire when no cleanup starts or finishes within two hours", () => {
    const inTwoHours = {
      Period: 7200,
      ComparisonOperator: "LessThanThreshold",
      Threshold: 1,
      TreatMissingData: "breaching",
    };
    expect(alarms.CleanupNotRun).toMatchObject({ MetricName: "Invocations", ...inTwoHours });
    expect(alarms.CleanupNotFinished).toMatchObject({
      ...own("cleanup", "CleanupFinished"),
      Statistic: "Maximum",
      ...inTwoHours,
    });
  });

  it("fire on suspicious activity and lost events", () => {
    expect(alarms.SuspiciousActivity).toMatchObject({
      ...own("subscriber", "SuspiciousActivity"),
      Statistic: "Sum",
      Threshold: 1,
    });
    expect(alarms.EventsLost).toMatchObject(own("authorizer", "EventsLost"));
  });

  it.each(["Read", "Write"])(
    "sum the throttled %ss of every table and index, with at most ten metrics per alarm",
    (kind) => {
      const sums = Object.entries(alarms).filter(([name]) =>
        name.startsWith(`Table${kind}Throttles`),
      );
      const watched = sums.flatMap(([, alarm]) => {
        const metrics = getMetrics(alarm);
        expect(metrics.length).toBeLessThanOrEqual(10);
        const throttles = metrics.filter(({ Namespace }) => Namespace === "AWS/DynamoDB");
        expect(metrics).toHaveLength(throttles.length + 1);
        const sum = alarm.Metrics?.find(({ Id }) => Id === "failures")?.Expression ?? "";
        expect(sum.match(/FILL\(\w+, 0\)/g)).toHaveLength(throttles.length);
        expect(getExpression(alarm)).toBe(
          "IF(failures >= 5, 100 * failures / (failures + FILL(successes, 0)), 0)",
        );
        expect(metricById(alarm, "successes")?.Metric).toMatchObject(
          own("subscriber", "EventsStored"),
        );
        return throttles.map(({ Dimensions }) => JSON.stringify(Dimensions));
      });
      const all = Object.values(TABLES).flatMap(({ indexes }) => ["", ...Object.keys(indexes)]);
      expect(new Set(watched).size).toBe(all.length);
    },
  );

  it("watch only metrics that the functions write", () => {
    const watched = Object.values(alarms)
      .flatMap(getMetrics)
      .filter(({ Namespace }) => Namespace.startsWith("OAuth"));
    expect(watched.length).toBeGreaterThan(0);
    for (const { MetricName, Dimensions = [] } of watched) {
      const service = Dimensions.find(({ Name }) => Name === "service")?.Value;
      expect(METRIC_NAMES[service as keyof typeof METRIC_NAMES]).toContain(MetricName);
    }
  });

  it("watch only metrics that AWS publishes for resources in the stack", () => {
    const stack = new Stack(new App(), "Shop");
    const monitoring = new OAuthMonitoring(stack, "Monitoring", {
      config: {
        ocsfExport: { enabled: true },
        providers: { cognito: true },
        signals: SIGNALS,
        notifications: NOTIFICATIONS,
      },
    });
    monitoring.addAdminApi();
    const template = Template.fromStack(stack);
    const { Resources } = template.toJSON() as { Resources: Record<string, { Type: string }> };
    const metrics = Object.values(getAlarms(template))
      .flatMap(getMetrics)
      .filter(({ Namespace }) => Namespace.startsWith("AWS/"));
    expect(metrics.length).toBeGreaterThan(100);
    for (const { Namespace, MetricName, Dimensions = [] } of metrics) {
      const dimensions = Dimensions.map(({ Name }) => Name).sort();
      const known = AWS_METRICS[Namespace];
      expect(known?.names).toContain(MetricName);
      expect(known?.dimensions).toContainEqual(dimensions);
      for (const { Name, Value } of Dimensions) {
        const id = /"(?:Ref|Fn::GetAtt)":\[?"(\w+)"/.exec(JSON.stringify(Value))?.[1];
        const type = RESOURCE_OF[Name];
        if (type) expect(Resources[id ?? ""]?.Type).toBe(type);
      }
    }
  });

  it("have a description and notify the topic when they fire and when they recover", () => {
    const stack = new Stack(new App(), "Shop");
    const monitoring = new OAuthMonitoring(stack, "Monitoring", {
      config: {
        ocsfExport: { enabled: true },
        signals: SIGNALS,
        notifications: NOTIFICATIONS,
        providers: { endpoints: ENDPOINTS },
      },
    });
    monitoring.addAdminApi();
    const all = getAlarms(Template.fromStack(stack));
    expect(Object.keys(all).length).toBeGreaterThan(Object.keys(alarms).length);
    for (const { AlarmDescription, AlarmActions, OKActions } of Object.values(all)) {
      expect(AlarmDescription.length).toBeGreaterThan(20);
      expect(AlarmDescription.length).toBeLessThanOrEqual(1024);
      expect(AlarmActions).toHaveLength(1);
      expect(OKActions).toEqual(AlarmActions);
    }
  });

  it("can publish to the topic only from this account", () => {
    const sourceAccount = { StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } } };
    const ofCloudWatch = Match.objectLike({
      Principal: { Service: "cloudwatch.amazonaws.com" },
      Condition: sourceAccount,
    });
    template.hasResourceProperties("AWS::SNS::TopicPolicy", {
      PolicyDocument: { Statement: Match.arrayWith([ofCloudWatch]) },
    });
    template.hasResourceProperties("AWS::KMS::Key", {
      KeyPolicy: { Statement: Match.arrayWith([ofCloudWatch]) },
    });
    const policies = JSON.stringify([
      template.findResources("AWS::SNS::TopicPolicy"),
      template.findResources("AWS::KMS::Key"),
    ]);
    expect(policies.match(/"Service":"cloudwatch/g)).toHaveLength(2);
  });

  it("take their thresholds from the configuration", () => {
    const config: MonitoringConfigInput = {
      alarms: {
        authorizerUnavailable: { percent: 1.5, atLeast: 11 },
        authorizerP99Milliseconds: 12,
        functionErrors: { percent: 2.5, atLeast: 13 },
        functionThrottles: { percent: 3.5, atLeast: 14 },
        tableThrottles: { percent: 4.5, atLeast: 15 },
        apiServerErrors: { percent: 5.5, atLeast: 17 },
        suspiciousActivity: 16,
      },
    };
    const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
    const stack = new Stack(app, "Shop");
    new OAuthMonitoring(stack, "OAuthMonitoring", { config }).addAdminApi();
    const configured = getAlarms(Template.fromStack(stack));
    const thresholds = (name: string) => {
      const alarm = configured[name];
      const atLeast = alarm && /failures >= (\d+)/.exec(getExpression(alarm) ?? "")?.[1];
      return [alarm?.Threshold, ...(atLeast ? [Number(atLeast)] : [])];
    };
    expect(thresholds("AuthorizerUnavailable")).toEqual([1.5, 11]);
    expect(thresholds("AuthorizerLatency")).toEqual([12]);
    expect(thresholds("SubscriberErrors")).toEqual([2.5, 13]);
    expect(thresholds("StatsThrottles")).toEqual([3.5, 14]);
    expect(thresholds("CleanupThrottles")).toEqual([1]);
    expect(thresholds("TableWriteThrottles1")).toEqual([4.5, 15]);
    expect(thresholds("SuspiciousActivity")).toEqual([16]);
    const [ofApi = ""] = Object.keys(configured).filter((name) =>
      name.endsWith("OAuthServerErrors"),
    );
    expect(thresholds(ofApi)).toEqual([5.5, 17]);
  });
});

describe("CloudWatch dashboard", () => {
  /** Returns the dashboard body with a placeholder for each resource reference. */
  function getBody(source: Template) {
    const [dashboard] = Object.values(source.findResources("AWS::CloudWatch::Dashboard"));
    if (!dashboard) throw new Error("there is no dashboard");
    const [, parts] = dashboard.Properties.DashboardBody["Fn::Join"] as [string, unknown[]];
    const text = parts.map((part) => (typeof part === "string" ? part : "resource")).join("");
    return JSON.parse(text) as {
      widgets: { properties: { title: string; metrics?: unknown[] } }[];
    };
  }

  it("has a graph with metrics for every important topic", () => {
    const { widgets } = getBody(template);
    const shown = widgets.map(({ properties }) => properties.title).join("\n");
    for (const word of [
      "API calls",
      "4XX",
      "API latency",
      "decisions",
      "Decision time (ms)",
      "cold starts",
      "wait",
      "Age",
      "Dead letters",
      "subscriber",
      "occurrence to storage (ms)",
      "Write units",
      "Read units",
      "Throttled",
      "Removed",
      "Cleanup: finished",
      "AuthFailed",
      "ScopeViolation",
      "SuspiciousActivity",
    ]) {
      expect(shown).toContain(word);
    }
    for (const { properties } of widgets) expect(properties.metrics?.length).toBeGreaterThan(0);
  });

  it("shows every metric that the functions write", () => {
    const text = JSON.stringify(getBody(template));
    for (const [service, names] of Object.entries(METRIC_NAMES)) {
      for (const name of names) {
        expect(text).toContain(`["OAuthMonitoring","${name}","service","${service}","stack",`);
      }
    }
  });

  it("shows an API in a different stack without depending on that stack", () => {
    const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
    const monitoringStack = new Stack(app, "Monitoring");
    const monitoring = new OAuthMonitoring(monitoringStack, "OAuthMonitoring");
    const api = new RestApi(new Stack(app, "Shop"), "Orders");
    api.root.addMethod("GET", new MockIntegration());
    monitoring.attach(api);
    const text = JSON.stringify(getBody(Template.fromStack(monitoringStack)));
    expect(text).toContain('"ApiName","Orders"');
    expect(monitoringStack.dependencies).toEqual([]);
  });

  it("has a stack output with the dashboard URL", () => {
    const [output] = Object.values(template.findOutputs("OAuthMonitoringMetricsDashboardUrl"));
    expect(JSON.stringify(output)).toContain("#dashboards/dashboard/");
  });
});

it("the stack traces the API and the functions and writes the trace ID to the access log", () => {
  template.allResourcesProperties("AWS::ApiGateway::Stage", { TracingEnabled: true });
  template.hasResourceProperties("AWS::ApiGateway::Stage", {
    AccessLogSetting: { Format: Match.stringLikeRegexp('"trace_id":"\\$context.xrayTraceId"') },
  });
});
