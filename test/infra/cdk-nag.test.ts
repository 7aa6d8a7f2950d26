import { App, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks, type IApplyRule, NagRuleCompliance } from "cdk-nag";
import { describe, expect, it } from "vitest";
import { OAuthMonitoringStack } from "../../infra/oauth-monitoring-stack.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { ENDPOINTS } from "../provider-endpoints.ts";
import { NOTIFICATIONS, SIGNALS } from "../signals-config.ts";

const CONFIGURATIONS: [string, MonitoringConfigInput][] = [
  ["by default", {}],
  [
    "with everything enabled",
    {
      ocsfExport: { enabled: true },
      ipEnrichment: { databases: ["country.mmdb"] },
      providers: {
        partnerEventBuses: ["aws.partner/auth0.com/tenant-1a2b/auth0.logs"],
        cognito: true,
        endpoints: ENDPOINTS,
      },
      api: { waf: { enabled: true } },
      signals: SIGNALS,
      notifications: NOTIFICATIONS,
      responses: { approvalLinks: { sentTo: ["topic", "Channel"] } },
    },
  ],
];

/** Rule pack that also records acknowledged findings. */
class RecordingChecks extends AwsSolutionsChecks {
  readonly found: { readonly id: string; readonly path: string }[] = [];

  protected override applyRule(parameters: IApplyRule): void {
    const result = parameters.rule(parameters.node);
    const id = `AwsSolutions-${parameters.ruleSuffixOverride ?? parameters.rule.name}`;
    const { path } = parameters.node.node;
    if (result === NagRuleCompliance.NON_COMPLIANT) this.found.push({ id, path });
    if (Array.isArray(result)) {
      for (const finding of result) this.found.push({ id: `${id}[${finding}]`, path });
    }
    super.applyRule(parameters);
  }
}

function check(config: MonitoringConfigInput) {
  const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
  const stack = new OAuthMonitoringStack(app, "Product", { config });
  // Synthesizes first, because the checks must see the methods after aspects have changed them.
  app.synth();
  const checks = new RecordingChecks();
  const { violations } = checks.validateScope(stack);
  const acknowledged = stack.node.findAll().flatMap(({ node }) =>
    node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.entries(data as Record<string, string>))
      .map(([id, reason]) => ({ path: node.path, id: id.replace(/^annotation::/i, ""), reason }))
      .filter(({ id }) => id.startsWith("AwsSolutions-")),
  );
  return { violations, acknowledged, found: checks.found };
}

describe.each(CONFIGURATIONS)("AWS Solutions checks, %s", (_, config) => {
  const { violations, acknowledged, found } = check(config);

  it("report only findings that are acknowledged", () => {
    const unacknowledged = violations.flatMap(({ ruleName, violatingResources }) =>
      violatingResources.map(({ constructPath }) => `${ruleName} ${constructPath}`),
    );
    expect(unacknowledged).toEqual([]);
  });

  it("gives a reason for each acknowledgement, and acknowledges nothing that isn't reported", () => {
    expect(acknowledged.length).toBeGreaterThan(0);
    for (const { id, path, reason } of acknowledged) {
      expect(reason).toMatch(/^.{40,}\.$/);
      const meant = found.filter(
        (finding) => finding.id === id && `${finding.path}/`.startsWith(`${path}/`),
      );
      expect(meant, `${id} at ${path}`).not.toEqual([]);
    }
  });
});
