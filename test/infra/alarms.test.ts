import { readFileSync } from "node:fs";
import { join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { MockIntegration, RestApi } from "aws-cdk-lib/aws-apigateway";
import { describe, expect, inject, it } from "vitest";
import { OAuthMonitoring } from "../../infra/oauth-monitoring.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { ALARM_METRICS } from "../../shared/cost/allowances.ts";
import { TABLES } from "../../shared/dynamodb/tables.ts";
import { METRIC_NAMES } from "../../shared/telemetry/metric-names.ts";
import { NOTIFICATIONS, SIGNALS } from "../signals-config.ts";

const assembly = inject("assembly");
const file = join(assembly.directory, `${assembly.stackName}.template.json`);
const template = Template.fromJSON(JSON.parse(readFileSync(file, "utf8")));

interface MetricQuery {
  readonly Expression?: string;
  readonly MetricStat?: { readonly Metric: { readonly Dimensions: { readonly Name: string }[] } };
}

interface AlarmProperties {
  readonly AlarmDescription: string;
  readonly AlarmActions: readonly unknown[];
  readonly Namespace?: string;
  readonly MetricName?: string;
  readonly Threshold: number;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: unknown }[];
  readonly Metrics?: readonly MetricQuery[];
}

/** The alarms by the end of their construct path. */
function alarmsOf(source: Template): Record<string, AlarmProperties> {
  const found = Object.entries(source.findResources("AWS::CloudWatch::Alarm"));
  return Object.fromEntries(
    found.map(([logicalId, { Properties }]) => [
      logicalId.replace(/^.*Alarms(?=[A-Z])/, "").replace(/[0-9A-F]{8}$/, ""),
      Properties,
    ]),
  );
}

const alarms = alarmsOf(template);
const functionNames = Object.keys(template.findResources("AWS::Lambda::Function")).map((id) =>
  id.replace(/^.*Functions(?=[A-Z])/, "").replace(/[0-9A-F]{8}$/, ""),
);

const own = (service: string, MetricName: string) => ({
  Namespace: "OAuthMonitoring",
  MetricName,
  Dimensions: [
    { Name: "service", Value: service },
    { Name: "stack", Value: "OAuthMonitoring/OAuthMonitoring" },
  ],
});

describe("alarms", () => {
  it("look at as many metrics as the bill reckons with", () => {
    const counts = Object.values(alarms).map(
      ({ Metrics }) => Metrics?.filter(({ MetricStat }) => MetricStat).length ?? 1,
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(ALARM_METRICS);
  });

  it("look at each function's throttles and errors", () => {
    for (const name of functionNames) {
      expect(alarms[`${name}Throttles`]).toMatchObject({ MetricName: "Throttles" });
      if (name === "Authorizer") continue;
      expect(alarms[`${name}Errors`]).toMatchObject({ MetricName: "Errors" });
    }
    expect(functionNames).toContain("Stats");
  });

  it("look at the events that each rule drops, by the rule's name on its own bus", () => {
    const stack = new Stack(new App(), "Shop");
    const providers = {
      partnerEventBuses: ["aws.partner/auth0.com/tenant-1a2b/auth0.logs"],
      cognito: true,
    };
    new OAuthMonitoring(stack, "Monitoring", { config: { providers } });
    const dropped = alarmsOf(Template.fromStack(stack));
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

  it("watch the dead-letter queue of every target of a rule that brings events", () => {
    const stack = new Stack(new App(), "Shop");
    new OAuthMonitoring(stack, "Monitoring", {
      config: {
        ocsfExport: { enabled: true },
        providers: { cognito: true },
        signals: SIGNALS,
        notifications: NOTIFICATIONS,
      },
    });
    const whole = Template.fromStack(stack);
    const watched = new Set(
      Object.values(alarmsOf(whole))
        .filter(({ MetricName }) => MetricName === "ApproximateNumberOfMessagesVisible")
        .flatMap(({ Dimensions = [] }) => Dimensions.map(({ Value }) => JSON.stringify(Value)))
        .flatMap((name) => /"(\w+)","QueueName"/.exec(name)?.[1] ?? []),
    );
    const targets = Object.values(whole.findResources("AWS::Events::Rule"))
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

  it("do not take the authorizer's 401s for errors", () => {
    expect(alarms.AuthorizerErrors).toBeUndefined();
    expect(alarms.AuthorizerUnavailable).toMatchObject({
      ...own("authorizer", "Unavailable"),
      Statistic: "Sum",
      Threshold: 5,
    });
  });

  it("look at the slowest of a hundred decisions, when there are enough", () => {
    expect(alarms.AuthorizerLatency).toMatchObject({
      ...own("authorizer", "DecisionDuration"),
      ExtendedStatistic: "p99",
      EvaluateLowSampleCountPercentile: "ignore",
      EvaluationPeriods: 3,
      Threshold: 500,
    });
  });

  it("tell when no cleanup ran, or none came to its end, in two hours", () => {
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

  it("tell of suspicious activity and of lost events", () => {
    expect(alarms.SuspiciousActivity).toMatchObject({
      ...own("subscriber", "SuspiciousActivity"),
      Statistic: "Sum",
      Threshold: 1,
    });
    expect(alarms.EventsLost).toMatchObject(own("authorizer", "EventsLost"));
  });

  it.each(["Read", "Write"])(
    "add up the throttled %ss of every table and index, ten at most in each",
    (kind) => {
      const sums = Object.entries(alarms).filter(([name]) =>
        name.startsWith(`Table${kind}Throttles`),
      );
      const watched = sums.flatMap(([, { Metrics = [] }]) => {
        const metrics = Metrics.filter(({ MetricStat }) => MetricStat !== undefined);
        expect(metrics.length).toBeLessThanOrEqual(10);
        const expression = Metrics.find(({ Expression }) => Expression)?.Expression ?? "";
        expect(expression.match(/FILL\(\w+, 0\)/g)).toHaveLength(metrics.length);
        return metrics.map(({ MetricStat }) => JSON.stringify(MetricStat?.Metric.Dimensions));
      });
      const all = Object.values(TABLES).flatMap(({ indexes }) => ["", ...Object.keys(indexes)]);
      expect(new Set(watched).size).toBe(all.length);
    },
  );

  it("watch only metrics that the functions write", () => {
    const watched = Object.values(alarms).filter(({ Namespace }) => Namespace?.startsWith("OAuth"));
    expect(watched.length).toBeGreaterThan(0);
    for (const { MetricName, Dimensions = [] } of watched) {
      const service = Dimensions.find(({ Name }) => Name === "service")?.Value;
      expect(METRIC_NAMES[service as keyof typeof METRIC_NAMES]).toContain(MetricName);
    }
  });

  it("each say what to do, and tell the topic", () => {
    for (const { AlarmDescription, AlarmActions } of Object.values(alarms)) {
      expect(AlarmDescription.length).toBeGreaterThan(20);
      expect(AlarmDescription.length).toBeLessThanOrEqual(1024);
      expect(AlarmActions).toHaveLength(1);
    }
  });

  it("may publish to the topic, those of this account only", () => {
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
        authorizerUnavailable: 11,
        authorizerP99Milliseconds: 12,
        functionErrors: 13,
        functionThrottles: 14,
        tableThrottles: 15,
        suspiciousActivity: 16,
      },
    };
    const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
    const stack = new Stack(app, "Shop");
    new OAuthMonitoring(stack, "OAuthMonitoring", { config });
    const configured = alarmsOf(Template.fromStack(stack));
    const threshold = (name: string) => configured[name]?.Threshold;
    expect(threshold("AuthorizerUnavailable")).toBe(11);
    expect(threshold("AuthorizerLatency")).toBe(12);
    expect(threshold("SubscriberErrors")).toBe(13);
    expect(threshold("CleanupThrottles")).toBe(14);
    expect(threshold("TableWriteThrottles1")).toBe(15);
    expect(threshold("SuspiciousActivity")).toBe(16);
  });
});

describe("the CloudWatch dashboard", () => {
  /** Its body, with names of resources in place of references. */
  function bodyOf(source: Template) {
    const [dashboard] = Object.values(source.findResources("AWS::CloudWatch::Dashboard"));
    if (!dashboard) throw new Error("there is no dashboard");
    const [, parts] = dashboard.Properties.DashboardBody["Fn::Join"] as [string, unknown[]];
    const text = parts.map((part) => (typeof part === "string" ? part : "resource")).join("");
    return JSON.parse(text) as {
      widgets: { properties: { title: string; metrics?: unknown[] } }[];
    };
  }

  it("has a graph with something in it for each thing that matters", () => {
    const { widgets } = bodyOf(template);
    const shown = widgets.map(({ properties }) => properties.title).join("\n");
    for (const word of [
      "API calls",
      "4XX",
      "API latency",
      "decisions",
      "decision (ms)",
      "wait",
      "Age",
      "Dead letters",
      "subscriber",
      "stored (ms)",
      "Write units",
      "Read units",
      "Throttled",
      "Removed",
      "Cleanup finished",
      "AuthFailed",
      "ScopeViolation",
      "SuspiciousActivity",
    ]) {
      expect(shown).toContain(word);
    }
    for (const { properties } of widgets) expect(properties.metrics?.length).toBeGreaterThan(0);
  });

  it("shows every metric that the functions write", () => {
    const text = JSON.stringify(bodyOf(template));
    for (const [service, names] of Object.entries(METRIC_NAMES)) {
      for (const name of names) {
        expect(text).toContain(`["OAuthMonitoring","${name}","service","${service}","stack",`);
      }
    }
  });

  it("shows an API of another stack without depending on it", () => {
    const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
    const monitoringStack = new Stack(app, "Monitoring");
    const monitoring = new OAuthMonitoring(monitoringStack, "OAuthMonitoring");
    const api = new RestApi(new Stack(app, "Shop"), "Orders");
    api.root.addMethod("GET", new MockIntegration());
    monitoring.attach(api);
    const text = JSON.stringify(bodyOf(Template.fromStack(monitoringStack)));
    expect(text).toContain('"ApiName","Orders"');
    expect(monitoringStack.dependencies).toEqual([]);
  });

  it("is named by an output of the stack", () => {
    const [output] = Object.values(template.findOutputs("OAuthMonitoringMetricsDashboardUrl"));
    expect(JSON.stringify(output)).toContain("#dashboards/dashboard/");
  });
});

it("traces API and functions, and writes the trace into the access log", () => {
  template.allResourcesProperties("AWS::ApiGateway::Stage", { TracingEnabled: true });
  template.hasResourceProperties("AWS::ApiGateway::Stage", {
    AccessLogSetting: { Format: Match.stringLikeRegexp('"trace_id":"\\$context.xrayTraceId"') },
  });
});
