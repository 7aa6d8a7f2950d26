import { Stack, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { OAuthMonitoring } from "./oauth-monitoring.ts";
import type { OAuthMonitoringProps } from "./oauth-monitoring-props.ts";

/** Properties of the stack and of its `OAuthMonitoring` construct. */
export interface OAuthMonitoringStackProps extends StackProps, OAuthMonitoringProps {}

/** A stack with `OAuthMonitoring`, its admin API, and a sample API to test tokens. */
export class OAuthMonitoringStack extends Stack {
  /** The construct in the stack. */
  readonly monitoring: OAuthMonitoring;

  constructor(scope: Construct, id: string, props: OAuthMonitoringStackProps = {}) {
    super(scope, id, { description: "OAuth monitoring and audit", ...props });
    this.monitoring = new OAuthMonitoring(this, "OAuthMonitoring", props);
    this.monitoring.addAdminApi({ sampleApi: true });
  }
}
