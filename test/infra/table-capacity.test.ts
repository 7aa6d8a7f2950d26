import { App, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { OAuthMonitoring } from "../../infra/oauth-monitoring.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { TABLES } from "../../shared/core/tables.ts";

function templateWith(capacity: NonNullable<MonitoringConfigInput["capacity"]>): Template {
  const stack = new Stack(new App(), "Shop");
  new OAuthMonitoring(stack, "OAuthMonitoring", { config: { capacity } });
  return Template.fromStack(stack);
}

/** Returns the tables, keyed by the part of the logical ID that names the content. */
function getTables(template: Template): Record<string, Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(template.findResources("AWS::DynamoDB::Table")).map(([id, { Properties }]) => [
      /Data(\w+?)[0-9A-F]{8}$/.exec(id)?.[1] ?? id,
      Properties,
    ]),
  );
}

describe("table capacity", () => {
  it("is on demand with the standard table class by default", () => {
    const template = templateWith({});
    for (const table of Object.values(getTables(template))) {
      expect(table).toMatchObject({ BillingMode: "PAY_PER_REQUEST" });
      expect(table).not.toHaveProperty("TableClass");
    }
    template.resourceCountIs("AWS::ApplicationAutoScaling::ScalableTarget", 0);
  });

  it("scales each table and index between the configured limits", () => {
    const events = { read: { min: 5, max: 500 }, write: { min: 20, max: 4000 } };
    const template = templateWith({ provisioned: { events } });
    const { Events, Tokens } = getTables(template);
    const throughput = { ReadCapacityUnits: 5, WriteCapacityUnits: 20 };
    expect(Events).toMatchObject({ ProvisionedThroughput: throughput });
    const indexes = Object.keys(TABLES.EVENTS_TABLE.indexes);
    expect(Events?.GlobalSecondaryIndexes).toEqual(
      indexes.map(() => expect.objectContaining({ ProvisionedThroughput: throughput })),
    );
    expect(Tokens).toMatchObject({ BillingMode: "PAY_PER_REQUEST" });
    const scaled = 1 + indexes.length;
    template.resourceCountIs("AWS::ApplicationAutoScaling::ScalableTarget", 2 * scaled);
    for (const [metric, MinCapacity, MaxCapacity] of [
      ["Read", 5, 500],
      ["Write", 20, 4000],
    ] as const) {
      template.resourcePropertiesCountIs(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        {
          MinCapacity,
          MaxCapacity,
          ScalableDimension: Match.stringLikeRegexp(`${metric}CapacityUnits$`),
        },
        scaled,
      );
      template.resourcePropertiesCountIs(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        {
          TargetTrackingScalingPolicyConfiguration: {
            PredefinedMetricSpecification: {
              PredefinedMetricType: `DynamoDB${metric}CapacityUtilization`,
            },
            TargetValue: 70,
          },
        },
        scaled,
      );
    }
  });

  it("uses the infrequent access class only for the events and counters tables, which keep growing", () => {
    const tables = getTables(templateWith({ tableClass: "standard_infrequent_access" }));
    const infrequent = Object.entries(tables).filter(
      ([, { TableClass }]) => TableClass === "STANDARD_INFREQUENT_ACCESS",
    );
    expect(infrequent.map(([name]) => name).toSorted()).toEqual(["Counters", "Events"]);
  });

  it("rejects a minimum above the maximum", () => {
    const wrong = { min: 10, max: 5 };
    const right = { min: 5, max: 10 };
    expect(() => templateWith({ provisioned: { tokens: { read: right, write: wrong } } })).toThrow(
      /capacity\.provisioned\.tokens\.write\.max.*Raise max, or lower min/,
    );
  });
});
