import { App } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { OAuthMonitoringStack } from "../../infra/oauth-monitoring-stack.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";

/** The template of a stack whose bundles do not matter. */
function synthesize(providers: MonitoringConfigInput["providers"]): Template {
  const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
  return Template.fromStack(new OAuthMonitoringStack(app, "Product", { config: { providers } }));
}

const acme = { name: "acme", fields: { code: "$.event" } };

describe("a mapping of a provider", () => {
  it("lets the provider's events reach the buffer and the archive, on whichever bus they come", () => {
    const partnerEventBus = "aws.partner/example.com/tenant/stream";
    const template = synthesize({ mappings: [acme, { ...acme, name: "other", partnerEventBus }] });
    const source = [
      ...["oauth.monitoring", "oauth.keycloak", "oauth.entra", "oauth.ping"],
      "oauth.acme",
    ];
    template.hasResourceProperties("AWS::Events::Rule", { EventPattern: { source } });
    template.hasResourceProperties("AWS::Events::Archive", { EventPattern: { source } });
    template.hasResourceProperties("AWS::Events::Rule", {
      EventBusName: partnerEventBus,
      EventPattern: { source: [partnerEventBus] },
      Targets: [Match.objectLike({ DeadLetterConfig: Match.anyValue() })],
    });
  });

  it("stops the synthesis with its key when a path is not a JSONPath", () => {
    const mappings = [acme, { ...acme, name: "other", fields: { code: "$.a", ip: "$.b[" } }];
    expect(() => synthesize({ mappings })).toThrow(
      /providers\.mappings\.1\.fields\.ip: not a JSONPath of RFC 9535/,
    );
  });
});
