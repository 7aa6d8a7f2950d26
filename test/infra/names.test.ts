import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { OAuthMonitoring } from "../../infra/oauth-monitoring.ts";
import { OAuthMonitoringStack } from "../../infra/oauth-monitoring-stack.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { ENDPOINTS } from "../provider-endpoints.ts";
import { NOTIFICATIONS, SIGNALS } from "../signals-config.ts";
import type { CfnTemplate } from "./cloudformation/template-shape.ts";

const EVERYTHING: MonitoringConfigInput = {
  ocsfExport: { enabled: true },
  origins: { databases: ["country.mmdb"] },
  signals: SIGNALS,
  notifications: NOTIFICATIONS,
  api: { waf: { enabled: true } },
  providers: {
    partnerEventBuses: ["aws.partner/auth0.com/tenant-1a2b/auth0.logs"],
    cognito: true,
    endpoints: ENDPOINTS,
  },
};

/** Named within another resource, or not by a name: they clash with nothing of another stack. */
const OWNED = new Set([
  "AWS::ApiGateway::Authorizer",
  "AWS::ApiGateway::RestApi",
  "AWS::ApiGateway::Stage",
  "AWS::ApiGatewayV2::Api",
  "AWS::ApiGatewayV2::Authorizer",
  "AWS::ApiGatewayV2::Stage",
  "AWS::IAM::Policy",
  "AWS::Lambda::Alias",
]);

/** The names that a template gives its resources, by resource: a text, or what CloudFormation makes of a function. */
function givenNames(stack: Stack): Map<string, { readonly type: string; readonly name: unknown }> {
  const { Resources } = Template.fromStack(stack).toJSON() as CfnTemplate;
  return new Map(
    Object.entries(Resources).flatMap(([id, { Type, Properties = {} }]) => {
      const kind = Type.split("::").at(-1) ?? "";
      const { Name, [`${kind}Name`]: own = Name } = Properties as Record<string, unknown>;
      return own === undefined || OWNED.has(Type) ? [] : [[id, { type: Type, name: own }] as const];
    }),
  );
}

const named = (stackName: string) =>
  new OAuthMonitoringStack(new App(), stackName, { config: EVERYTHING });

/** Stages, regions and constructs that may be in one account, by what they are. */
const SIDE_BY_SIDE: [string, () => Stack[]][] = [
  ["two stages", () => [named("Shop-dev"), named("Shop-prod")]],
  [
    "two constructs in stacks of an app",
    () => {
      const app = new App();
      return ["One", "Two"].map((id) => {
        const stack = new Stack(app, id);
        new OAuthMonitoring(stack, "Monitoring", { config: EVERYTHING }).addAdminApi();
        return stack;
      });
    },
  ],
];

const texts = (stack: Stack) =>
  [...givenNames(stack).values()].map(({ name }) => JSON.stringify(name));

describe("names", () => {
  it.each(SIDE_BY_SIDE)("do not clash between %s", (_, make) => {
    const [first = [], second = []] = make().map(texts);
    expect(first.length).toBeGreaterThan(0);
    expect(first.filter((name) => second.includes(name))).toEqual([]);
  });

  it("do not clash between two regions of an account: what is global has a name of CloudFormation's", () => {
    const types = [...givenNames(named("Shop")).values()].map(({ type }) => type);
    expect(types.filter((type) => /^AWS::(IAM|S3|CloudFront|Route53)::/.test(type))).toEqual([]);
  });

  it("of what stays after a removal are CloudFormation's, so that the stack can be deployed again next to it", () => {
    const stack = named("Shop");
    const { Resources } = Template.fromStack(stack).toJSON() as CfnTemplate;
    const kept = Object.entries(Resources as Record<string, { DeletionPolicy?: string }>)
      .filter(([, { DeletionPolicy }]) => DeletionPolicy?.startsWith("Retain"))
      .map(([id]) => id);
    const given = givenNames(stack);
    expect(kept.length).toBeGreaterThan(30);
    // A log stream is in the log group that was made for it.
    expect(kept.filter((id) => given.has(id) && !id.includes("StreamLogS3"))).toEqual([]);
  });

  it("are found when a resource is given one", () => {
    const make = (stackName: string) => {
      const stack = named(stackName);
      const queue = stack.node.findAll().find(({ node }) => node.path.endsWith("Buffer/Resource"));
      (queue as unknown as { queueName: string }).queueName = "oauth-events";
      return stack;
    };
    const [first, second] = [make("Shop-dev"), make("Shop-prod")].map(texts);
    expect(first?.filter((name) => second?.includes(name))).toEqual(['"oauth-events"']);
  });
});
