import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { OAuthMonitoring } from "../../infra/oauth-monitoring.ts";
import { OAuthMonitoringStack } from "../../infra/oauth-monitoring-stack.ts";
import {
  findUpgradeErrors,
  getStatefulResources,
  type StatefulTemplate,
} from "./cloudformation/stateful-resources.ts";
import type { CfnTemplate } from "./cloudformation/template-shape.ts";

/** Data resources in the last release's templates. CONTRIBUTING.md says when to update the file. */
const FILE = fileURLToPath(new URL("./cloudformation/last-release.json", import.meta.url));

const config = { ocsfExport: { enabled: true } };

/** Returns the templates to check: this repository's stack, and the construct in an app. */
function present(): Record<string, CfnTemplate> {
  const shop = new Stack(new App(), "Shop");
  new OAuthMonitoring(shop, "Monitoring").addAdminApi();
  return {
    stack: Template.fromStack(
      new OAuthMonitoringStack(new App(), "OAuthMonitoring", { config }),
    ).toJSON() as CfnTemplate,
    construct: Template.fromStack(shop).toJSON() as CfnTemplate,
  };
}

const templates = present();
if (process.env.RECORD_RELEASE) {
  const held = Object.fromEntries(
    Object.entries(templates).map(([name, template]) => [name, getStatefulResources(template)]),
  );
  writeFileSync(FILE, `${JSON.stringify(held, null, 1)}\n`);
}
const lastRelease = JSON.parse(readFileSync(FILE, "utf8")) as Record<string, StatefulTemplate>;

describe("upgrade from the last release", () => {
  it.each(Object.keys(templates))(
    "neither replaces nor removes a resource that stores data: %s",
    (name) => {
      const before = lastRelease[name] ?? {};
      const types = new Set(Object.values(before).map(({ type }) => type));
      for (const type of [
        "AWS::DynamoDB::Table",
        "AWS::Events::Archive",
        "AWS::Events::EventBus",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::SQS::Queue",
      ]) {
        expect(types).toContain(type);
      }
      expect(
        findUpgradeErrors(before, getStatefulResources(templates[name] as CfnTemplate)),
      ).toEqual([]);
    },
  );
});

describe("upgrade check", () => {
  interface Found {
    readonly Type: string;
    readonly Properties: Record<string, unknown>;
  }
  type Resources = Record<string, Found>;

  /** Returns the errors found after a change to the current template. */
  function found(change: (resources: Resources) => void) {
    const template = structuredClone(templates.stack) as CfnTemplate;
    change(template.Resources as Resources);
    return findUpgradeErrors(
      lastRelease.stack as StatefulTemplate,
      getStatefulResources(template),
    ).join("\n");
  }
  /** Returns the first resource of a type whose logical ID contains the text. */
  function find(resources: Resources, part: string, type: string): readonly [string, Found] {
    const entries = Object.entries(resources);
    const entry = entries.find(([id, { Type }]) => id.includes(part) && Type === type);
    if (!entry) throw new Error(`there is no ${type} ${part}`);
    return entry;
  }
  const TABLE = "AWS::DynamoDB::Table";

  it("detects a renamed construct", () => {
    const stack = new Stack(new App(), "OAuthMonitoring");
    new OAuthMonitoring(stack, "Renamed", { config });
    const renamed = getStatefulResources(Template.fromStack(stack).toJSON() as CfnTemplate);
    const errors = findUpgradeErrors(lastRelease.stack as StatefulTemplate, renamed);
    expect(errors).toContainEqual(expect.stringMatching(/Tokens.*is removed or renamed/));
    expect(errors.length).toBe(Object.keys(lastRelease.stack as StatefulTemplate).length);
  });

  it.each<[string, string, string, object, RegExp]>([
    [
      "a changed table key",
      "DataEvents",
      TABLE,
      { KeySchema: [] },
      /is replaced, because KeySchema/,
    ],
    ["a new table name", "DataTokens", TABLE, { TableName: "t" }, /because TableName/],
    ["a new queue name", "Buffer", "AWS::SQS::Queue", { QueueName: "q" }, /QueueName/],
    ["a changed bus name", "Bus", "AWS::Events::EventBus", { Name: "b" }, /because Name/],
    ["a new bucket name", "Export", "AWS::S3::Bucket", { BucketName: "b" }, /BucketName/],
    [
      "a new log group name",
      "SubscriberLog",
      "AWS::Logs::LogGroup",
      { LogGroupName: "g" },
      /LogGroupName/,
    ],
  ])("detects %s", (_, part, type, change, error) => {
    expect(
      found((all) => {
        Object.assign(find(all, part, type)[1].Properties, change);
      }),
    ).toMatch(error);
  });

  it("detects a table that was removed or is no longer retained", () => {
    const remove = (all: Resources) => {
      delete all[find(all, "DataTokens", TABLE)[0]];
    };
    expect(found(remove)).toMatch(/is removed/);
    expect(
      found((all) => {
        Object.assign(find(all, "DataTokens", TABLE)[1], { DeletionPolicy: "Delete" });
      }),
    ).toMatch(/no longer retained/);
  });

  it("detects too many index changes for one update and an index that changes in place", () => {
    const getIndexes = (all: Resources) =>
      find(all, "DataEvents", TABLE)[1].Properties.GlobalSecondaryIndexes as {
        Projection: object;
      }[];
    expect(found((all) => void getIndexes(all).splice(0, 2))).toMatch(/are added or removed/);
    expect(found((all) => void getIndexes(all).splice(0, 1))).toBe("");
    expect(
      found((all) => {
        const [first] = getIndexes(all);
        if (first) first.Projection = { ProjectionType: "KEYS_ONLY" };
      }),
    ).toMatch(/the index \w+ changes/);
  });
});
