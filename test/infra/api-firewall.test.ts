import { App, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { OAuthMonitoring } from "../../infra/oauth-monitoring.ts";
import { OAuthMonitoringStack } from "../../infra/oauth-monitoring-stack.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";

const WEB_ACL =
  "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/platform/1a2b3c4d-0000-4000-8000-000000000000";

function synthesize(api: MonitoringConfigInput["api"]): Template {
  const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
  return Template.fromStack(new OAuthMonitoringStack(app, "Product", { config: { api } }));
}

const throttling = (ThrottlingRateLimit: number, ThrottlingBurstLimit: number) => ({
  MethodSettings: [Match.objectLike({ ThrottlingRateLimit, ThrottlingBurstLimit })],
});

describe("admin API limits", () => {
  it("throttle the stage as configured and add no web ACL by default", () => {
    const template = synthesize({});
    template.hasResourceProperties("AWS::ApiGateway::Stage", throttling(10_000, 5000));
    template.resourceCountIs("AWS::WAFv2::WebACL", 0);
    template.resourceCountIs("AWS::WAFv2::WebACLAssociation", 0);
    synthesize({ throttle: { rateLimit: 50, burstLimit: 20 } }).hasResourceProperties(
      "AWS::ApiGateway::Stage",
      throttling(50, 20),
    );
  });

  it("block addresses that call too often and requests that match the AWS core rule set", () => {
    const template = synthesize({ waf: { enabled: true, requestsPerFiveMinutesPerIp: 600 } });
    template.hasResourceProperties("AWS::WAFv2::WebACL", {
      Scope: "REGIONAL",
      DefaultAction: { Allow: {} },
      // Sampled requests would contain the callers' tokens.
      VisibilityConfig: { SampledRequestsEnabled: false },
      Rules: [
        Match.objectLike({
          Action: { Block: {} },
          Statement: {
            RateBasedStatement: { Limit: 600, EvaluationWindowSec: 300, AggregateKeyType: "IP" },
          },
          VisibilityConfig: Match.objectLike({ SampledRequestsEnabled: false }),
        }),
        Match.objectLike({
          OverrideAction: { None: {} },
          Statement: {
            ManagedRuleGroupStatement: { VendorName: "AWS", Name: "AWSManagedRulesCommonRuleSet" },
          },
          VisibilityConfig: Match.objectLike({ SampledRequestsEnabled: false }),
        }),
      ],
    });
    template.hasResourceProperties("AWS::WAFv2::WebACLAssociation", {
      WebACLArn: { "Fn::GetAtt": [Match.stringLikeRegexp("WebAcl"), "Arn"] },
    });
  });

  it("use separate metrics for each construct in a stack", () => {
    const stack = new Stack(new App(), "Shop");
    const config = { api: { waf: { enabled: true } } };
    for (const id of ["First", "Second"]) new OAuthMonitoring(stack, id, { config }).addAdminApi();
    const webAcls = Object.values(Template.fromStack(stack).findResources("AWS::WAFv2::WebACL"));
    const names = webAcls.map(({ Properties }) => Properties.VisibilityConfig.MetricName);
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name).toMatch(/^ShopWebAcl\w+$/);
  });

  it("associate an existing web ACL with the stage", () => {
    const template = synthesize({ webAclArn: WEB_ACL });
    template.resourceCountIs("AWS::WAFv2::WebACL", 0);
    template.hasResourceProperties("AWS::WAFv2::WebACLAssociation", { WebACLArn: WEB_ACL });
  });

  it.each<[string, MonitoringConfigInput["api"], RegExp]>([
    [
      "two web ACLs",
      { webAclArn: WEB_ACL, waf: { enabled: true } },
      /api\.webAclArn: .*one web ACL/,
    ],
    ["a CloudFront web ACL", { webAclArn: WEB_ACL.replace("regional", "global") }, /regional web/],
    ["a rate limit of zero", { throttle: { rateLimit: 0 } }, /api\.throttle\.rateLimit/],
    [
      "a limit below WAF's minimum",
      { waf: { requestsPerFiveMinutesPerIp: 9 } },
      /requestsPerFiveMinutesPerIp/,
    ],
  ])("reject %s at synthesis", (_, api, message) => {
    expect(() => synthesize(api)).toThrow(message);
  });
});
