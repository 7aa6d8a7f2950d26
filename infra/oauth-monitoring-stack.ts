import { CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import type { MonitoringConfigInput } from "../shared/config/monitoring-config.ts";
import { MonitoringApi } from "./constructs/monitoring-api.ts";
import { OAuthMonitoring } from "./oauth-monitoring.ts";

export interface OAuthMonitoringStackProps extends StackProps {
  readonly config?: MonitoringConfigInput;
}

/** The product as a stack: the construct, and the API through which admins see it. */
export class OAuthMonitoringStack extends Stack {
  readonly monitoring: OAuthMonitoring;

  constructor(scope: Construct, id: string, props: OAuthMonitoringStackProps = {}) {
    super(scope, id, { description: "OAuth monitoring and audit", ...props });
    this.monitoring = new OAuthMonitoring(
      this,
      "OAuthMonitoring",
      props.config === undefined ? {} : { config: props.config },
    );
    const { api } = new MonitoringApi(this, "MonitoringApi", this.monitoring);
    const { flow, data, functions, alarmTopic, metricsDashboard, ocsfExport } = this.monitoring;
    const { dashboardName } = metricsDashboard.dashboard;
    const outputs = {
      ApiUrl: api.url,
      DashboardUrl: api.urlForPath("/admin/oauth/dashboard"),
      EventBusName: flow.bus.eventBusName,
      EventBusArn: flow.bus.eventBusArn,
      ...(flow.archive && { ArchiveArn: flow.archive.archiveArn }),
      StoredRuleArn: flow.stored.ruleArn,
      UnpublishedQueueUrl: flow.unpublished.queueUrl,
      UnpublishedQueueArn: flow.unpublished.queueArn,
      UnpublishableQueueUrl: flow.unpublishable.queueUrl,
      UnpublishableQueueArn: flow.unpublishable.queueArn,
      BufferQueueUrl: flow.buffer.queueUrl,
      BufferQueueArn: flow.buffer.queueArn,
      DeadLetterQueueUrl: flow.deadLetters.queueUrl,
      DeadLetterQueueArn: flow.deadLetters.queueArn,
      AlarmTopicArn: alarmTopic.topicArn,
      MetricsDashboardUrl: `https://${this.region}.console.aws.amazon.com/cloudwatch/home?region=${this.region}#dashboards/dashboard/${dashboardName}`,
      CleanupFunctionName: functions.get("Cleanup").functionName,
      ...(ocsfExport && { OcsfBucketName: ocsfExport.bucket.bucketName }),
      ...Object.fromEntries(
        Object.entries(data.tables).map(([variable, table]) => [
          outputName(variable),
          table.tableName,
        ]),
      ),
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}

/** `TOKENS_TABLE` → `TokensTable`. */
function outputName(variable: string): string {
  return variable
    .split("_")
    .map((word) => `${word.charAt(0)}${word.slice(1).toLowerCase()}`)
    .join("");
}
