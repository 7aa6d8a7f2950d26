import type { RemovalPolicy } from "aws-cdk-lib";
import { Grant } from "aws-cdk-lib/aws-iam";
import { Key, KeySpec, KeyUsage } from "aws-cdk-lib/aws-kms";
import { Construct } from "constructs";
import type { ApprovalLinkSettings } from "../../shared/config/response-parameters.ts";
import type { FunctionName, Functions } from "./functions.ts";

export interface ApprovalLinksProps {
  readonly settings: ApprovalLinkSettings;
  readonly functions: Functions;
  /** The page that links point to by default. */
  readonly dashboardUrl: string;
  readonly removalPolicy: RemovalPolicy;
}

/**
 * The key for approval links. Functions that send links can only sign with it, and the function that handles approvals
 * can only verify.
 */
export class ApprovalLinks extends Construct {
  readonly key: Key;

  constructor(scope: Construct, id: string, props: ApprovalLinksProps) {
    super(scope, id);
    const { settings, functions, dashboardUrl, removalPolicy } = props;
    this.key = new Key(this, "Key", {
      description: "Signs approval links for OAuth monitoring actions",
      keySpec: KeySpec.HMAC_256,
      keyUsage: KeyUsage.GENERATE_VERIFY_MAC,
      removalPolicy,
    });
    const connect = (name: FunctionName, action: string) => {
      const target = functions.get(name);
      target.addEnvironment("APPROVAL_KEY_ARN", this.key.keyArn);
      Grant.addToPrincipal({
        grantee: target,
        actions: [action],
        resourceArns: [this.key.keyArn],
      });
      return target;
    };
    const notifying: FunctionName[] = [
      ...(settings.sentTo.includes("topic") ? (["Anomalies"] as const) : []),
      ...(settings.sentTo.some((name) => name !== "topic") ? (["Webhook"] as const) : []),
    ];
    for (const name of notifying) {
      connect(name, "kms:GenerateMac").addEnvironment(
        "APPROVAL_PAGE_URL",
        settings.dashboardUrl ?? dashboardUrl,
      );
    }
    connect("Approval", "kms:VerifyMac");
  }
}
