import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { OAuthMonitoringStack } from "../../infra/oauth-monitoring-stack.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { NOTIFICATIONS, SIGNALS } from "../signals-config.ts";

type Signals = MonitoringConfigInput["signals"];

/** Returns the template of a stack without bundling. */
function synthesize(signals?: Signals): Template {
  const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
  return Template.fromStack(
    new OAuthMonitoringStack(app, "Product", { config: signals ? { signals } : {} }),
  );
}

const absent = synthesize();
const on = synthesize(SIGNALS);

/** Returns the policy document of a role as JSON. */
function allowed(template: Template, role: string): string {
  const policies = Object.entries(template.findResources("AWS::IAM::Policy"));
  const [policy] = policies.filter(([id]) => id.includes(role));
  return JSON.stringify(policy?.[1]?.Properties.PolicyDocument ?? {});
}

describe("without Shared Signals", () => {
  it("the template is the same when the setting is absent or empty", () => {
    expect(synthesize({}).toJSON()).toEqual(absent.toJSON());
    expect(JSON.stringify(absent.toJSON())).not.toMatch(/signal|ApiGatewayV2/i);
  });
});

describe("Shared Signals receiver", () => {
  const { receiver } = SIGNALS;
  const [pushing, polled] = receiver.transmitters;

  it("has one open route and creates a poller only when a transmitter is polled", () => {
    const pushOnly = synthesize({ receiver: { transmitters: [pushing] } });
    pushOnly.resourceCountIs("AWS::ApiGatewayV2::Route", 1);
    pushOnly.hasResourceProperties("AWS::ApiGatewayV2::Route", {
      RouteKey: "POST /signals/events",
      AuthorizationType: "NONE",
    });
    const schedules = (template: Template) =>
      Object.keys(template.findResources("AWS::Events::Rule")).filter((id) =>
        id.includes("SignalPoll"),
      );
    expect(schedules(pushOnly)).toEqual([]);
    expect(schedules(on)).toHaveLength(1);
  });

  it("lets each function read only the secret for its delivery method", () => {
    const [push, poll] = ["SignalReceiverRole", "SignalPollerRole"].map((role) =>
      allowed(on, role),
    );
    expect(push).toContain(pushing.pushAuthorizationSecretArn);
    expect(push).not.toContain(polled.poll.authorizationSecretArn);
    expect(poll).toContain(polled.poll.authorizationSecretArn);
    expect(poll).not.toContain(pushing.pushAuthorizationSecretArn);
  });

  it.each([
    [
      "two transmitters with the same issuer",
      [pushing, { ...pushing, name: "other" }],
      /issuer.*twice/,
    ],
    ["an issuer without TLS", [{ ...pushing, issuer: "http://idp.example.com" }], /issuer/],
    ["no audience", [{ ...pushing, audiences: [] }], /audiences/],
    [
      "an action for a signal that supports none",
      [{ ...pushing, actions: { verification: "enforce" } }],
      /actions/,
    ],
  ])("rejects a receiver with %s", (_, transmitters, message) => {
    expect(() => synthesize({ receiver: { transmitters } } as never)).toThrow(message);
  });
});

describe("Shared Signals transmitter", () => {
  it("grants each function only the keys, streams and queues that it uses", () => {
    const may = (role: string, action: string) => allowed(on, role).includes(`"${action}"`);
    const [streams, making, delivery] = [
      "SignalStreamsRole",
      "SignalTransmitterRole",
      "SignalDeliveryRole",
    ] as const;
    expect([streams, making, delivery].map((role) => may(role, "kms:Sign"))).toEqual([
      true,
      false,
      true,
    ]);
    expect(may(delivery, "dynamodb:PutItem")).toBe(false);
    expect(may(delivery, "sqs:SendMessage")).toBe(false);
    expect(may(making, "dynamodb:DeleteItem")).toBe(false);
    for (const role of [streams, making, delivery]) expect(may(role, "dynamodb:Scan")).toBe(false);
  });

  it("signs with the first key only and publishes all keys", () => {
    const keys = Object.keys(on.findResources("AWS::KMS::Key")).filter((id) =>
      id.includes("SigningKey"),
    );
    expect(keys).toHaveLength(2);
    const statements = JSON.parse(allowed(on, "SignalDeliveryRole")).Statement as {
      Action: string | string[];
      Resource: unknown;
    }[];
    const of = (action: string) =>
      JSON.stringify(statements.filter(({ Action }) => [Action].flat().includes(action)));
    const [first = "", second = ""] = keys.sort();
    expect(of("kms:Sign")).toContain(first);
    expect(of("kms:Sign")).not.toContain(second);
    expect(of("kms:GetPublicKey")).toContain(second);
  });

  it("requires the interoperability profile's scopes on all routes but two", () => {
    const routes = Object.values(on.findResources("AWS::ApiGatewayV2::Route")).map(
      ({ Properties }) => [Properties.RouteKey, Properties.AuthorizationType] as const,
    );
    const open = routes.filter(([, type]) => type === "NONE").map(([key]) => key);
    expect(open.sort()).toEqual([
      "GET /.well-known/ssf-configuration",
      "GET /jwks",
      "POST /signals/events",
    ]);
    expect(routes.filter(([, type]) => type === "CUSTOM").length).toBe(routes.length - 3);
    const [config] = Object.values(on.toJSON().Metadata);
    expect(config).toHaveProperty("routes", [
      { method: "POST", path: "/ssf/poll/{stream_id}", scopes: ["ssf.read"], session: "ignored" },
      { method: "GET", path: "/ssf/{proxy+}", scopes: ["ssf.read"], session: "ignored" },
      { method: "ANY", path: "/ssf/{proxy+}", scopes: ["ssf.manage"], session: "ignored" },
    ]);
  });

  it.each([
    ["two keys with the same name", { signingKeys: ["First", "First"] }, /signingKeys/],
    ["three keys", { signingKeys: ["A", "B", "C"] }, /signingKeys/],
    ["an invalid construct ID", { signingKeys: ["first key"] }, /signingKeys/],
  ])("rejects a transmitter with %s", (_, transmitter, message) => {
    expect(() => synthesize({ transmitter } as never)).toThrow(message);
  });
});

describe("approval links", () => {
  const stackWith = (approvalLinks: object) => {
    const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
    const config = { responses: { approvalLinks }, notifications: NOTIFICATIONS };
    return Template.fromStack(
      new OAuthMonitoringStack(app, "Product", {
        config: config as unknown as MonitoringConfigInput,
      }),
    );
  };

  it("are off by default and add no resources", () => {
    expect(JSON.stringify(absent.toJSON())).not.toMatch(/approval|HMAC/i);
  });

  it("are sent only to the configured channels and use the configured dashboard URL", () => {
    const url = "https://audit.example.com/dashboard";
    const template = stackWith({ sentTo: ["Channel"], dashboardUrl: url });
    const may = (role: string, action: string) => allowed(template, role).includes(`"${action}"`);
    expect(may("AnomaliesRole", "kms:GenerateMac")).toBe(false);
    expect(may("WebhookRole", "kms:GenerateMac")).toBe(true);
    expect(may("ApprovalRole", "kms:GenerateMac")).toBe(false);
    expect(may("ApprovalRole", "kms:VerifyMac")).toBe(true);
    template.hasResourceProperties("AWS::Lambda::Function", {
      Environment: { Variables: { APPROVAL_PAGE_URL: url } },
    });
    template.hasResourceProperties("AWS::KMS::Key", {
      KeySpec: "HMAC_256",
      KeyUsage: "GENERATE_VERIFY_MAC",
    });
    expect(() => stackWith({ sentTo: ["Nobody"] })).toThrow(/unknown webhook Nobody/);
  });

  it("add one open method because the reader of a link has no token", () => {
    const open = Object.entries(stackWith({}).findResources("AWS::ApiGateway::Method"))
      .filter(([, { Properties }]) => Properties.AuthorizationType === "NONE")
      .map(
        ([id, { Properties }]) => `${Properties.HttpMethod} ${/approvals|dashboard/.exec(id)?.[0]}`,
      );
    expect(open.sort()).toEqual(["GET dashboard", "POST approvals"]);
  });
});

describe("webhooks", () => {
  const template = (() => {
    const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
    const config = { notifications: NOTIFICATIONS } as unknown as MonitoringConfigInput;
    return Template.fromStack(new OAuthMonitoringStack(app, "Product", { config }));
  })();

  it("have separate queues, so that a failing webhook doesn't delay the others, and share a dead-letter queue", () => {
    const queues = Object.entries(template.findResources("AWS::SQS::Queue")).filter(([id]) =>
      id.includes("Webhooks"),
    );
    expect(queues).toHaveLength(NOTIFICATIONS.webhooks.length + 1);
    const [undelivered] = queues.filter(([id]) => id.includes("Undelivered"));
    for (const [id, { Properties }] of queues) {
      expect(Properties).toHaveProperty("KmsMasterKeyId");
      if (id === undelivered?.[0]) continue;
      expect(Properties.RedrivePolicy.deadLetterTargetArn).toEqual({
        "Fn::GetAtt": [undelivered?.[0], "Arn"],
      });
    }
  });

  it("need access only to their secrets and queues", () => {
    const document = allowed(template, "WebhookRole");
    for (const { secretArn } of NOTIFICATIONS.webhooks) expect(document).toContain(secretArn);
    expect(document).not.toMatch(/dynamodb|PutEvents|SendMessage/);
    const { Outputs, Resources } = absent.toJSON();
    expect(JSON.stringify({ Outputs, Resources })).not.toMatch(/webhook/i);
  });
});
