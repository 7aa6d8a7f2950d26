import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import { Key } from "aws-cdk-lib/aws-kms";
import { type ITopic, Topic } from "aws-cdk-lib/aws-sns";
import { afterAll, describe, expect, it } from "vitest";
import { OAuthMonitoring } from "../../infra/oauth-monitoring.ts";
import type { OAuthMonitoringProps } from "../../infra/oauth-monitoring-props.ts";
import { OAuthMonitoringStack } from "../../infra/oauth-monitoring-stack.ts";
import { AccessPolicies } from "../../local/services/access-policies.ts";
import { DeliveryPermissions } from "../../local/services/delivery-permissions.ts";
import { encryptedResources } from "../../local/services/encrypted-resources.ts";
import { EventBus } from "../../local/services/event-bus.ts";
import { startEventSources } from "../../local/services/event-source.ts";
import { KeyPolicies } from "../../local/services/key-policies.ts";
import { keyUses } from "../../local/services/key-uses.ts";
import type { LambdaFunctions } from "../../local/services/lambda-functions.ts";
import type { Statement } from "../../local/services/policy-statements.ts";
import { createQueues, queueNamed } from "../../local/services/queues.ts";
import { Template } from "../../local/services/template.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { NOTIFICATIONS, SIGNALS } from "../signals-config.ts";

const EVERYTHING: MonitoringConfigInput = {
  ocsfExport: { enabled: true },
  ipEnrichment: { databases: ["country.mmdb"] },
  signals: SIGNALS,
  notifications: NOTIFICATIONS,
  providers: { partnerEventBuses: ["aws.partner/auth0.com/tenant-1a2b/auth0.logs"], cognito: true },
  functions: { vpc: { subnetIds: ["subnet-0a1b2c3d"], securityGroupIds: ["sg-0a1b2c3d"] } },
};
const IMPORTED = "arn:aws:kms:us-east-1:000000000000:key/1a2b3c4d-0000-4000-8000-000000000000";

const directories: string[] = [];
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

interface Resources {
  [id: string]: { readonly Type: string; readonly Properties: Record<string, unknown> };
}

const getTemplate = (stack: Stack) =>
  (stack.node.root as App).synth().getStackArtifact(stack.artifactId).template as {
    Resources: Resources;
  };

/** Reads a template as the local services do, after applying a change to it. */
function read(
  template: { readonly Resources: Resources },
  change: (resources: Resources) => void = () => {},
): Template {
  const changed = structuredClone(template);
  change(changed.Resources);
  const directory = mkdtempSync(join(tmpdir(), "oauth-monitoring-keys-"));
  directories.push(directory);
  writeFileSync(join(directory, "Keys.template.json"), JSON.stringify(changed));
  return new Template({ directory, stackName: "Keys" }, "http://127.0.0.1:1");
}

function construct(props: (stack: Stack) => OAuthMonitoringProps) {
  const stack = new Stack(new App(), "Shop");
  new OAuthMonitoring(stack, "Oam", { config: EVERYTHING, ...props(stack) });
  return getTemplate(stack);
}

const product = (config: MonitoringConfigInput) =>
  getTemplate(new OAuthMonitoringStack(new App(), "Product", { config }));
const DEFAULTS_TEMPLATE = product({});
const EVERYTHING_TEMPLATE = product(EVERYTHING);

const rejections = (template: Template, imported?: ReadonlyMap<string, readonly Statement[]>) => {
  const policies = new KeyPolicies(template, imported);
  return keyUses(template).flatMap((use) => policies.rejection(use) ?? []);
};

/** Returns the keys that encrypt resources, the keys in use, and who uses them. */
function getKeys(template: Template) {
  const uses = keyUses(template);
  return {
    encrypting: new Set(encryptedResources(template).values()),
    used: new Set(uses.map(({ keyArn }) => keyArn)),
    principals: new Set(
      uses.map(({ principal }) => ("service" in principal ? principal.service : "role")),
    ),
  };
}

describe("use of encryption keys", () => {
  it.each<[string, () => { Resources: Resources }, number]>([
    ["with the defaults", () => DEFAULTS_TEMPLATE, 1],
    ["with every setting", () => EVERYTHING_TEMPLATE, 1],
    [
      "with an alarm topic that has its own key",
      () =>
        construct((stack) => ({
          alarmTopic: new Topic(stack, "Pages", { masterKey: new Key(stack, "Own") }) as ITopic,
        })),
      2,
    ],
    [
      "with the app's own key",
      () => construct((stack) => ({ encryptionKey: new Key(stack, "Own") })),
      1,
    ],
  ])("is allowed by the key policy or the role: %s", (_, made, keys) => {
    const template = read(made());
    const { encrypting, used, principals } = getKeys(template);
    expect(encrypting.size).toBe(keys);
    expect(used).toEqual(encrypting);
    expect(principals).toEqual(
      new Set(["events.amazonaws.com", "cloudwatch.amazonaws.com", "role"]),
    );
    expect(rejections(template)).toEqual([]);
  });

  it("is covered by the check for every encrypted resource", () => {
    const template = read(EVERYTHING_TEMPLATE);
    const known = encryptedResources(template);
    const named = Object.entries(EVERYTHING_TEMPLATE.Resources).filter(
      ([, { Type, Properties }]) =>
        !/^AWS::(IAM::Policy|KMS::Key|Lambda::Function)$/.test(Type) &&
        /"\w*DataKey\w+","Arn"/.test(JSON.stringify(Properties)),
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.map(([id]) => id).filter((id) => !known.has(template.arn(id)))).toEqual([]);
  });
});

describe("imported encryption key", () => {
  const made = () =>
    construct((scope) => ({ encryptionKey: Key.fromKeyArn(scope, "Theirs", IMPORTED) }));

  it("works with the documented key policy and needs every statement in it", () => {
    const page = readFileSync(new URL("../../docs/deploy.md", import.meta.url), "utf8");
    const [, json = ""] = /## Use your own key[\s\S]*?```json\n([\s\S]*?)```/.exec(page) ?? [];
    const filled = json.replaceAll("REGION", "us-east-1").replaceAll("ACCOUNT", "000000000000");
    const template = read(made());
    const policy = new Map([[IMPORTED, JSON.parse(filled) as Statement[]]]);
    expect(getKeys(template).used).toEqual(new Set([IMPORTED]));
    expect(rejections(template, policy)).toEqual([]);
    const each = [...policy.values()].flat();
    expect(each.length).toBeGreaterThan(3);
    for (const left of each) {
      const without = new Map([[IMPORTED, each.filter((statement) => statement !== left)]]);
      expect(rejections(template, without), JSON.stringify(left)).not.toEqual([]);
    }
  });
});

describe("key policy check", () => {
  type Change = (resources: Resources) => void;
  const statements = (resources: Resources, type: string): Record<string, unknown>[][] =>
    Object.values(resources)
      .filter(({ Type }) => Type === type)
      .map(({ Properties }) => {
        const policy = Properties[type === "AWS::KMS::Key" ? "KeyPolicy" : "PolicyDocument"];
        return (policy as { Statement: Record<string, unknown>[] }).Statement;
      });
  /** Removes statements whose text matches from all policies of a type. */
  const take =
    (type: string, pattern: RegExp): Change =>
    (resources) => {
      for (const list of statements(resources, type)) {
        list.splice(
          0,
          list.length,
          ...list.filter((statement) => !pattern.test(JSON.stringify(statement))),
        );
      }
    };
  const replace =
    (type: string, pattern: RegExp, text: string): Change =>
    (resources) => {
      for (const list of statements(resources, type)) {
        const changed = list.map((each) => JSON.parse(JSON.stringify(each).replace(pattern, text)));
        list.splice(0, list.length, ...changed);
      }
    };

  it.each<[string, Change, RegExp]>([
    [
      "CloudWatch for alarms",
      take("AWS::KMS::Key", /cloudwatch\.amazonaws/),
      /^the alarm .*: cloudwatch\.amazonaws\.com is not authorized to perform: kms:GenerateDataKey/,
    ],
    [
      "EventBridge for the queues",
      take("AWS::KMS::Key", /events\.amazonaws.*SourceAccount|SourceAccount.*events\.amazonaws/),
      /^EventBridge's delivery of \w+Stored\w+ to \w+Buffer\w+: events/,
    ],
    [
      "EventBridge for its archive",
      take("AWS::KMS::Key", /EncryptionContext/),
      /^the archive .*kms:GenerateDataKey/,
    ],
    [
      "the app's account",
      replace("AWS::KMS::Key", /\{"Ref":"AWS::AccountId"\}(?=\}\})/, '"111122223333"'),
      /^EventBridge's delivery/,
    ],
    [
      "the app's event bus",
      replace("AWS::KMS::Key", /EncryptionContext:aws:events:event-bus/, "EncryptionContext:x"),
      /^the archive/,
    ],
    [
      "the account's root, which delegates to IAM",
      take("AWS::KMS::Key", /:root/),
      /^dynamodb:\w+ on .* by /,
    ],
    [
      "Firehose for S3",
      replace("AWS::IAM::Policy", /\["",\["s3\."/, '["",["s4."'),
      /^objects of .*kms:GenerateDataKey/,
    ],
    [
      "a role that reads a table",
      take("AWS::IAM::Policy", /^\{"Action":\["kms:Decrypt","kms:DescribeKey"\]/),
      /^dynamodb:Query on .*Stats/,
    ],
    [
      "a role that consumes a queue",
      take("AWS::IAM::Policy", /^\{"Action":"kms:Decrypt"/),
      /^sqs:ReceiveMessage on \w*Unpublished\w* by \w*Republisher/,
    ],
    [
      "a role that publishes to a topic, by denying it",
      (resources) => {
        for (const list of statements(resources, "AWS::KMS::Key")) {
          list.push({ Effect: "Deny", Principal: "*", Action: "kms:Gen*", Resource: "*" });
        }
      },
      /^sns:Publish on .* by \w*Anomalies/,
    ],
  ])("detects a policy that is missing %s", (_, change, rejection) => {
    const found = rejections(read(EVERYTHING_TEMPLATE, change));
    expect(found).toContainEqual(expect.stringMatching(rejection));
  });
});

describe("local services", () => {
  type Change = (resources: Resources) => void;
  const getPolicies = (resources: Resources, type: string) =>
    Object.values(resources).filter(({ Type }) => Type === type);
  /** Removes statements whose text matches from every policy of a type. */
  const without =
    (type: string, property: string, pattern: RegExp): Change =>
    (resources) => {
      for (const { Properties } of getPolicies(resources, type)) {
        const policy = Properties[property] as { Statement: unknown[] };
        policy.Statement = policy.Statement.filter((each) => !pattern.test(JSON.stringify(each)));
      }
    };
  const withoutService = (service: string) =>
    without("AWS::KMS::Key", "KeyPolicy", new RegExp(`${service}\\.amazonaws`));

  /** Sends one event. Returns where the event ended up and the rule's counts. */
  function send(change?: Change) {
    const template = read(DEFAULTS_TEMPLATE, change);
    const queues = createQueues(template);
    const named = (part: string) => [...queues.keys()].find((id) => id.includes(part)) ?? "";
    const busName = template.only("AWS::Events::EventBus").logicalId;
    const bus = new EventBus(
      template,
      (id) => queueNamed(queues, id),
      busName,
      new DeliveryPermissions(template),
    );
    bus.put({ EventBusName: busName, Source: "oauth.monitoring", DetailType: "x", Detail: "{}" });
    const [rule] = template
      .resources("AWS::Events::Rule")
      .filter(({ logicalId }) => logicalId.includes("Stored"));
    return {
      counts: bus.getCounts(rule?.logicalId ?? ""),
      buffered: queueNamed(queues, named("Buffer")).visible,
      dead: queueNamed(queues, named("DeadLetters")).messages,
      archived: bus.archives[0]?.between(0, Date.now() + 1000).length,
    };
  }

  it("deliver and archive an event when the queue and key policies allow it", () => {
    expect(send()).toMatchObject({
      counts: { FailedInvocations: 0 },
      buffered: 1,
      dead: [],
      archived: 1,
    });
  });

  it("send an event to the dead-letter queue when the queue policy denies delivery", () => {
    const buffer = /SourceAccount/;
    const { counts, buffered, dead } = send(
      without("AWS::SQS::QueuePolicy", "PolicyDocument", buffer),
    );
    expect(counts).toMatchObject({ FailedInvocations: 1, InvocationsSentToDlq: 1 });
    expect(buffered).toBe(0);
    expect(dead[0]?.attributes.ERROR_CODE?.StringValue).toBe("NO_PERMISSIONS");
  });

  it("drop and count an event when the key policy denies delivery and archiving", () => {
    expect(send(withoutService("events"))).toMatchObject({
      counts: { FailedInvocations: 1, InvocationsSentToDlq: 0, InvocationsFailedToBeSentToDlq: 1 },
      buffered: 0,
      dead: [],
      archived: 0,
    });
  });

  it("deny a function access to tables, queues and topics when the function may not use the key", () => {
    const denials = (change?: Change) => {
      const template = read(DEFAULTS_TEMPLATE, change);
      const access = new AccessPolicies(template);
      const getId = (type: string, part: string) =>
        template.resources(type).find(({ logicalId }) => logicalId.includes(part))?.logicalId ?? "";
      const ask = (name: string, action: string, type: string, part: string) =>
        access.denial(getId("AWS::Lambda::Function", `Functions${name}`), [
          { action, resource: template.arn(getId(type, part)) },
        ]);
      return [
        ask("Authorizer", "dynamodb:UpdateItem", "AWS::DynamoDB::Table", "DataTokens"),
        ask("Authorizer", "sqs:SendMessage", "AWS::SQS::Queue", "Unpublished"),
        ask("Anomalies", "sns:Publish", "AWS::SNS::Topic", "AlarmTopic"),
      ];
    };
    expect(denials()).toEqual([undefined, undefined, undefined]);
    const noKeys = without("AWS::IAM::Policy", "PolicyDocument", /kms:/);
    const noRoot = without("AWS::KMS::Key", "KeyPolicy", /:root/);
    for (const change of [noKeys, noRoot]) {
      for (const denial of denials(change)) expect(denial).toMatch(/not authorized .* kms:\w+/);
    }
  });

  it("do not poll a queue for a function that may not decrypt its messages", () => {
    const start = (change?: Change) => {
      const template = read(DEFAULTS_TEMPLATE, change);
      const queues = createQueues(template);
      const stop = startEventSources(
        template,
        queues,
        {} as LambdaFunctions,
        new AccessPolicies(template),
      );
      stop();
      for (const queue of queues.values()) queue.close();
    };
    expect(() => start()).not.toThrow();
    const plant = without("AWS::IAM::Policy", "PolicyDocument", /^\{"Action":"kms:Decrypt"/);
    expect(() => start(plant)).toThrow(/sqs:ReceiveMessage .*Republisher.*kms:Decrypt/);
  });
});
