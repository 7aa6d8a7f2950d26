import { Stack, Validations } from "aws-cdk-lib";
import type { Stage } from "aws-cdk-lib/aws-apigateway";
import { CfnWebACL, CfnWebACLAssociation } from "aws-cdk-lib/aws-wafv2";
import { Construct } from "constructs";
import type { ApiParameters } from "../../shared/config/api-parameters.ts";

/** Returns the CloudWatch metrics settings of a rule. */
const visibility = (metricName: string) => ({
  cloudWatchMetricsEnabled: true,
  sampledRequestsEnabled: false,
  metricName,
});

/**
 * Core rules that count instead of block, because they match requests that legitimate API clients send: large bodies,
 * bodies that contain code, or no user agent. Blocked requests wouldn't be tracked either, because the authorizer never
 * sees them.
 * https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
 */
const COUNTED_CORE_RULES = [
  "NoUserAgent_HEADER",
  "UserAgent_BadBots_HEADER",
  "SizeRestrictions_BODY",
  "EC2MetaDataSSRF_BODY",
  "GenericLFI_BODY",
  "GenericRFI_BODY",
  "CrossSiteScripting_BODY",
];

export interface ApiFirewallProps {
  readonly parameters: ApiParameters;
  /** The stage to protect. */
  readonly stage: Stage;
}

/**
 * The web ACL in front of a stage: an existing one from the configuration, a new one, or none. Request sampling is
 * disabled because samples contain headers, which contain tokens.
 */
export class ApiFirewall extends Construct {
  constructor(scope: Construct, id: string, { parameters, stage }: ApiFirewallProps) {
    super(scope, id);
    const webAclArn = parameters.webAclArn ?? this.#createWebAcl(parameters);
    if (webAclArn === undefined) {
      Validations.of(stage).acknowledge({
        id: "AwsSolutions-APIG3",
        reason: "A web ACL is billed per month and request. Add one with api.waf or api.webAclArn.",
      });
      return;
    }
    new CfnWebACLAssociation(this, "Association", { resourceArn: stage.stageArn, webAclArn });
  }

  #createWebAcl({ waf }: ApiParameters): string | undefined {
    if (!waf.enabled) return undefined;
    return new CfnWebACL(this, "WebAcl", {
      description: "Protects the OAuth monitoring API",
      scope: "REGIONAL",
      defaultAction: { allow: {} },
      // The construct's address makes the name unique within the stack.
      visibilityConfig: visibility(`${Stack.of(this).stackName}WebAcl${this.node.addr.slice(-8)}`),
      rules: [
        {
          name: "RequestsPerIp",
          priority: 0,
          action: { block: {} },
          statement: {
            rateBasedStatement: {
              limit: waf.requestsPerFiveMinutesPerIp,
              evaluationWindowSec: 300,
              aggregateKeyType: "IP",
            },
          },
          visibilityConfig: visibility("RequestsPerIp"),
        },
        {
          name: "CoreRules",
          priority: 1,
          overrideAction: { none: {} },
          statement: {
            managedRuleGroupStatement: {
              vendorName: "AWS",
              name: "AWSManagedRulesCommonRuleSet",
              ruleActionOverrides: COUNTED_CORE_RULES.map((name) => ({
                name,
                actionToUse: { count: {} },
              })),
            },
          },
          visibilityConfig: visibility("CoreRules"),
        },
      ],
    }).attrArn;
  }
}
