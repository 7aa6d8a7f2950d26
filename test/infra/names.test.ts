import { loadAwsServiceSpecSync } from "@aws-cdk/aws-service-spec";
import { App, NestedStack, Stack, Stage } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { OAuthMonitoring } from "../../infra/oauth-monitoring.ts";
import { OAuthMonitoringStack } from "../../infra/oauth-monitoring-stack.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { ENDPOINTS } from "../provider-endpoints.ts";
import { NOTIFICATIONS, SIGNALS } from "../signals-config.ts";
import { type CfnTemplate, isObject } from "./cloudformation/template-shape.ts";

const EVERYTHING: MonitoringConfigInput = {
  ocsfExport: { enabled: true },
  ipEnrichment: { databases: ["country.mmdb"] },
  signals: SIGNALS,
  notifications: NOTIFICATIONS,
  api: { waf: { enabled: true } },
  responses: { approvalLinks: {} },
  functions: { authorizerProvisionedConcurrency: 1 },
  capacity: {
    provisioned: { events: { read: { min: 1, max: 9 }, write: { min: 1, max: 9 } } },
  },
  providers: {
    partnerEventBuses: ["aws.partner/auth0.com/tenant-1a2b/auth0.logs"],
    cognito: true,
    endpoints: ENDPOINTS,
  },
};

/** Resources whose names are scoped to a parent such as an API, a table, a role or a function. */
const OWNED = new Set([
  "AWS::ApiGateway::Authorizer",
  "AWS::ApiGateway::Stage",
  "AWS::ApiGatewayV2::Authorizer",
  "AWS::ApiGatewayV2::Stage",
  "AWS::ApplicationAutoScaling::ScalingPolicy",
  "AWS::IAM::Policy",
  "AWS::Lambda::Alias",
]);

const db = loadAwsServiceSpecSync();

/** Returns a resource's full identifier and the values of its other name properties. */
function namesIn(type: string, properties: Readonly<Record<string, unknown>>): unknown[] {
  const found = db.lookup("resource", "cloudFormationType", "equals", type);
  const keys = found.length > 0 ? (found.only().primaryIdentifier ?? []) : [];
  const identifier = keys.map((key) => properties[key]);
  const isGiven = keys.length > 0 && identifier.every((part) => part !== undefined);
  const others = ["Name", `${type.split("::").at(-1)}Name`, "AliasName"]
    .filter((key) => !keys.includes(key))
    .flatMap((key) => properties[key] ?? []);
  return [...(isGiven ? [keys.length === 1 ? identifier[0] : identifier] : []), ...others];
}

/** Pseudo parameters that are the same in every stack of an account and region. */
const SHARED = new Set(["AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::URLSuffix"]);

/** Whether a value refers to its own stack or a resource in that stack and so differs between stacks. */
function namesOwnResource(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(namesOwnResource);
  if (!isObject(value)) return false;
  return Object.entries(value).some(([key, part]) =>
    key === "Ref" ? !SHARED.has(String(part)) : key === "Fn::GetAtt" || namesOwnResource(part),
  );
}

const findResources = (stack: Stack) =>
  (Template.fromStack(stack).toJSON() as CfnTemplate).Resources;

type Resources = CfnTemplate["Resources"];

/** Returns the physical names that a template sets, by logical ID. */
function givenNames(
  resources: Resources,
): Map<string, { readonly type: string; readonly name: unknown }> {
  return new Map(
    Object.entries(resources).flatMap(([id, { Type, Properties = {} }]) => {
      if (OWNED.has(Type)) return [];
      return namesIn(Type, Properties)
        .filter((name) => !namesOwnResource(name))
        .map((name) => [id, { type: Type, name }] as const);
    }),
  );
}

interface Metric {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: unknown }[];
}

/** Returns every metric in alarms, dashboards and web ACLs, except metrics for the stack's own resources. */
function namedMetrics(resources: Resources): string[] {
  const metrics = Object.values(resources).flatMap(({ Type, Properties = {} }): unknown[] => {
    if (Type === "AWS::CloudWatch::Alarm") {
      const { Metrics = [] } = Properties as { Metrics?: { MetricStat?: { Metric: Metric } }[] };
      return [
        Properties as unknown as Metric,
        ...Metrics.flatMap((each) => each.MetricStat?.Metric ?? []),
      ]
        .filter(({ MetricName }) => MetricName)
        .map(({ Namespace, MetricName, Dimensions }) => [Namespace, MetricName, Dimensions]);
    }
    if (Type === "AWS::CloudWatch::Dashboard") return dashboardMetrics(Properties.DashboardBody);
    if (Type === "AWS::WAFv2::WebACL") {
      return [["AWS/WAFV2", (Properties.VisibilityConfig as Metric).MetricName]];
    }
    return [];
  });
  return metrics.filter((metric) => !namesOwnResource(metric)).map((each) => JSON.stringify(each));
}

/** Returns the metrics in a dashboard body, each as an array of namespace, name and dimensions. */
function dashboardMetrics(body: unknown): unknown[] {
  const [, parts] = (body as { "Fn::Join": [string, unknown[]] })["Fn::Join"];
  const text = parts.map((part) =>
    typeof part === "string" ? part : `§${encodeURIComponent(JSON.stringify(part))}§`,
  );
  const { widgets } = JSON.parse(text.join("")) as {
    widgets: { properties: { metrics?: unknown[][] } }[];
  };
  return widgets
    .flatMap(({ properties }) => properties.metrics ?? [])
    .map((metric) =>
      metric
        .filter((part) => typeof part === "string")
        .map((part) => {
          const [, intrinsic] = part.split("§");
          return intrinsic === undefined ? part : JSON.parse(decodeURIComponent(intrinsic));
        }),
    )
    .filter(([namespace]) => namespace !== undefined);
}

const named = (stackName: string) =>
  new OAuthMonitoringStack(new App(), stackName, { config: EVERYTHING });

/** Creates a stack with a fixed construct ID, so that only the stack name differs. */
const withId = (scope: Stage | App, stackName: string) =>
  new OAuthMonitoringStack(scope, "Monitoring", { stackName, config: EVERYTHING });

const construct = (stack: Stack) => {
  new OAuthMonitoring(stack, "Monitoring", { config: EVERYTHING }).addAdminApi();
  return stack;
};

/** Combinations that can be deployed to one account and region. */
const SIDE_BY_SIDE: [string, () => Stack[]][] = [
  ["two stacks", () => [named("Shop-dev"), named("Shop-prod")]],
  [
    "two deployments of an app under different stack names",
    () => ["shop-dev", "shop-prod"].map((stackName) => withId(new App(), stackName)),
  ],
  [
    "stack names that differ only in a dash",
    () => ["shop-dev", "shopdev"].map((stackName) => withId(new App(), stackName)),
  ],
  [
    "stack names that differ only after 120 letters",
    () => ["a", "b"].map((end) => withId(new App(), `${"s".repeat(120)}-${end}`)),
  ],
  [
    "two stages of an app",
    () => {
      const app = new App();
      return ["Dev", "Prod"].map((id) => withId(new Stage(app, id), `shop-${id}`));
    },
  ],
  [
    "two constructs in stacks of an app",
    () => {
      const app = new App();
      return ["One", "Two"].map((id) => construct(new Stack(app, id)));
    },
  ],
  [
    "nested stacks of two deployments of an app",
    () =>
      ["shop-dev", "shop-prod"].map((stackName) =>
        construct(new NestedStack(new Stack(new App(), "Shop", { stackName }), "Nested")),
      ),
  ],
];

const texts = (resources: Resources) =>
  [...givenNames(resources).values()].map(({ name }) => JSON.stringify(name));

describe("names in the template", () => {
  const pairs = SIDE_BY_SIDE.map(([title, make]) => [title, make().map(findResources)] as const);

  it.each(pairs)("resource names don't clash between %s", (_, pair) => {
    const [first = [], second = []] = pair.map(texts);
    expect(first.length).toBeGreaterThan(0);
    expect(first.filter((name) => second.includes(name))).toEqual([]);
  });

  it.each(pairs)("metric names don't clash between %s", (_, pair) => {
    const [first = [], second = []] = pair.map(namedMetrics);
    expect(first.length).toBeGreaterThan(5);
    expect(first.filter((name) => second.includes(name))).toEqual([]);
  });

  it("names fit the AWS limits and are the same in each synthesis", () => {
    const longest = () => [
      ...givenNames(findResources(withId(new App(), "s".repeat(128)))).values(),
    ];
    const names = longest();
    expect(names).toEqual(longest());
    const limits: Record<string, number> = {
      "AWS::Events::EventBus": 256,
      "AWS::Events::Archive": 48,
      "AWS::ApiGateway::RestApi": 80,
      "AWS::ApiGatewayV2::Api": 80,
    };
    expect(new Set(names.map(({ type }) => type))).toEqual(new Set(Object.keys(limits)));
    for (const { type, name } of names) {
      expect(name).toMatch(/^[A-Za-z0-9-]+$/);
      expect(String(name).length).toBeLessThanOrEqual(limits[type] as number);
    }
  });

  const shop = findResources(named("Shop"));

  it("global resources get names from CloudFormation, so that two regions don't clash", () => {
    const types = [...givenNames(shop).values()].map(({ type }) => type);
    expect(types.filter((type) => /^AWS::(IAM|S3|CloudFront|Route53)::/.test(type))).toEqual([]);
  });

  it("retained resources get names from CloudFormation, so that the stack can be deployed again", () => {
    const kept = Object.entries(shop as Record<string, { DeletionPolicy?: string }>)
      .filter(([, { DeletionPolicy }]) => DeletionPolicy?.startsWith("Retain"))
      .map(([id]) => id);
    const given = givenNames(shop);
    expect(kept.length).toBeGreaterThan(30);
    // A log stream is scoped to its log group.
    expect(kept.filter((id) => given.has(id) && !id.includes("StreamLogS3"))).toEqual([]);
  });

  it("resource names clash when a resource is given a fixed name", () => {
    const make = (stackName: string) => {
      const stack = named(stackName);
      const queue = stack.node.findAll().find(({ node }) => node.path.endsWith("Buffer/Resource"));
      (queue as unknown as { queueName: string }).queueName = "oauth-events";
      return stack;
    };
    const [first, second] = [make("Shop-dev"), make("Shop-prod")].map((stack) =>
      texts(findResources(stack)),
    );
    expect(first?.filter((name) => second?.includes(name))).toEqual(['"oauth-events"']);
  });
});
