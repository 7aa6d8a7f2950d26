import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { OAuthMonitoringStack } from "../../infra/oauth-monitoring-stack.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { SIGNALS } from "../signals-config.ts";

type Signals = MonitoringConfigInput["signals"];

/** The template of a stack whose bundles do not matter. */
function synthesize(signals?: Signals): Template {
  const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
  return Template.fromStack(
    new OAuthMonitoringStack(app, "Product", { config: signals ? { signals } : {} }),
  );
}

const absent = synthesize();
const on = synthesize(SIGNALS);

/** What a role may do, each as `action resource`. */
function allowed(template: Template, role: string): string {
  const policies = Object.entries(template.findResources("AWS::IAM::Policy"));
  const [policy] = policies.filter(([id]) => id.includes(role));
  return JSON.stringify(policy?.[1]?.Properties.PolicyDocument ?? {});
}

describe("without Shared Signals", () => {
  it("the template is the same, whether the key is absent or empty", () => {
    expect(synthesize({}).toJSON()).toEqual(absent.toJSON());
    expect(JSON.stringify(absent.toJSON())).not.toMatch(/signal|ApiGatewayV2/i);
  });
});

describe("the receiver", () => {
  const { receiver } = SIGNALS;
  const [pushing, polled] = receiver.transmitters;

  it("has one open route, and a poller only where a transmitter is polled", () => {
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

  it("may read the secret of its own kind of delivery, and no other", () => {
    const [push, poll] = ["SignalReceiverRole", "SignalPollerRole"].map((role) =>
      allowed(on, role),
    );
    expect(push).toContain(pushing.pushAuthorizationSecretArn);
    expect(push).not.toContain(polled.poll.authorizationSecretArn);
    expect(poll).toContain(polled.poll.authorizationSecretArn);
    expect(poll).not.toContain(pushing.pushAuthorizationSecretArn);
  });

  it.each([
    ["two transmitters of one issuer", [pushing, { ...pushing, name: "other" }], /issuer.*twice/],
    ["an issuer without TLS", [{ ...pushing, issuer: "http://idp.example.com" }], /issuer/],
    ["no audience", [{ ...pushing, audiences: [] }], /audiences/],
    [
      "a signal that nothing is done about",
      [{ ...pushing, actions: { verification: "enforce" } }],
      /actions/,
    ],
  ])("is refused with %s", (_, transmitters, message) => {
    expect(() => synthesize({ receiver: { transmitters } } as never)).toThrow(message);
  });
});
