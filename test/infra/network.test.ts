import { readFileSync } from "node:fs";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { OAuthMonitoringStack } from "../../infra/oauth-monitoring-stack.ts";
import { FUNCTION_NAMES } from "../../shared/config/function-parameters.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { ENDPOINTS } from "../provider-endpoints.ts";
import { NOTIFICATIONS, SIGNALS } from "../signals-config.ts";

const secretArn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:api-AbCdEf";

/** A configuration in which the functions call every possible service. */
const EVERYTHING: MonitoringConfigInput = {
  ocsfExport: { enabled: true },
  ipEnrichment: { databases: ["country.mmdb"] },
  signals: {
    ...SIGNALS,
    receiver: {
      transmitters: SIGNALS.receiver.transmitters.map((transmitter) => ({
        ...transmitter,
        actions: { "session-revoked": "enforce" as const },
      })),
    },
  },
  notifications: NOTIFICATIONS,
  responses: { approvalLinks: { sentTo: ["topic", "Siem"] } },
  providers: { endpoints: ENDPOINTS },
  issuers: [
    {
      issuer: "https://idp.example.com",
      audiences: ["https://api.example.com"],
      verification: "introspection",
      introspection: { clientId: "api", secretArn },
    },
  ],
};

/** Key actions that a function calls itself. DynamoDB, SQS and SNS use the key on a function's behalf. */
const OWN_KEY_ACTIONS = /^kms:(Sign|GetPublicKey|GenerateMac|VerifyMac)$/;

/** Actions that Lambda uses to poll a queue. They don't show whether the function itself postpones messages. */
const CONSUMING =
  /^sqs:(ReceiveMessage|ChangeMessageVisibility|GetQueueUrl|DeleteMessage|GetQueueAttributes)$/;

/** Services that Lambda calls for the function. */
const OF_LAMBDA = new Set(["ec2", "logs", "xray"]);

interface Called {
  /** Services that appear in a function's policy and that the function calls itself. */
  readonly certain: string[];
  readonly consumes: boolean;
}

/** Returns the services that each function may call according to its policy. */
function calledServices(config: MonitoringConfigInput): Map<string, Called> {
  const template = Template.fromStack(new OAuthMonitoringStack(new App(), "Shop", { config }));
  const policies = Object.values(template.findResources("AWS::IAM::Policy")).map(
    ({ Properties }) => Properties,
  );
  return new Map(
    FUNCTION_NAMES.flatMap((name) => {
      const own = policies.filter(({ Roles }) =>
        JSON.stringify(Roles).includes(`Functions${name}Role`),
      );
      if (own.length === 0) return [];
      const actions: string[] = own
        .flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
        .flatMap(({ Action }) => Action);
      const certain = actions
        .filter((action) => !CONSUMING.test(action))
        .filter((action) => !action.startsWith("kms:") || OWN_KEY_ACTIONS.test(action))
        .map((action) => action.split(":")[0] as string)
        .filter((service) => !OF_LAMBDA.has(service));
      const consumes = actions.some((action) => CONSUMING.test(action));
      return [[name, { certain: [...new Set(certain)].sort(), consumes }] as const];
    }),
  );
}

/**
 * Returns the endpoints that docs/deploy.md lists for each function: endpoints always needed, and endpoints
 * that depend on settings.
 */
function documentedEndpoints(): Map<string, { readonly always: string[]; readonly all: string[] }> {
  const page = readFileSync(new URL("../../docs/deploy.md", import.meta.url), "utf8");
  const [, section = ""] = /\n## VPC\n(.*?)\n## /s.exec(page) ?? [];
  const services = (cell: string) =>
    [...cell.matchAll(/`(dynamodb|events|kms|s3|secretsmanager|sns|sqs)`/g)].map(
      ([, name]) => name as string,
    );
  return new Map(
    section
      .split("\n")
      .filter((line) => line.startsWith("| `"))
      .flatMap((line) => {
        const [, names = "", always = "", more = ""] = line.split("|");
        const all = [...services(always), ...services(more)].sort();
        return [...names.matchAll(/`(\w+)`/g)].map(
          ([, name]) => [name as string, { always: services(always).sort(), all }] as const,
        );
      }),
  );
}

describe("VPC endpoints in docs/deploy.md", () => {
  const documented = documentedEndpoints();

  it("are listed for every function", () => {
    expect([...documented.keys()].sort()).toEqual([...FUNCTION_NAMES].sort());
  });

  it.each<[string, MonitoringConfigInput, "always" | "all"]>([
    ["by default", {}, "always"],
    ["with every setting", EVERYTHING, "all"],
  ])("match the services that function policies allow %s", (_, config, column) => {
    const called = calledServices(config);
    expect(called.size).toBeGreaterThan(14);
    for (const [name, { certain, consumes }] of called) {
      const listed = documented.get(name)?.[column] ?? [];
      const mayPostpone = consumes && listed.includes("sqs") && !certain.includes("sqs");
      expect([name, listed]).toEqual([name, (mayPostpone ? [...certain, "sqs"] : certain).sort()]);
    }
  });
});
