import {
  CloudFormationClient,
  DescribeStacksCommand,
  GetTemplateCommand,
} from "@aws-sdk/client-cloudformation";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { forEachTable, tableConstructId, tableLabel } from "../../shared/core/tables.ts";
import type { StackDescription } from "../../shared/stack/open-stack.ts";

/** Suffix of the stack output that identifies a construct. The rest of the output's name is the construct's path. */
const MARK = "EventBusName";

/**
 * Finds the construct in a stack by the names of the stack's outputs, which start with the construct's path.
 *
 * @param construct the construct to select if the stack has several
 * @throws Error if the stack has no construct, or has several and none is selected
 */
export function constructIn(
  stackName: string,
  outputNames: readonly string[],
  construct?: string,
): string {
  const constructs = outputNames
    .filter((name) => name.endsWith(MARK))
    .map((name) => name.slice(0, -MARK.length));
  if (construct !== undefined && constructs.includes(construct)) return construct;
  const names = constructs.join(", ");
  if (construct !== undefined) {
    throw new Error(
      `the stack ${stackName} has no construct ${construct}. Use --construct with one of: ${names || "none"}`,
    );
  }
  const [first, second] = constructs;
  if (first === undefined) {
    throw new Error(
      `the stack ${stackName} has no output …${MARK}. Check that it is an oauth-monitoring stack, and deploy the latest version`,
    );
  }
  if (second !== undefined) {
    throw new Error(
      `the stack ${stackName} has several OAuthMonitoring constructs. Select one with --construct: ${names}`,
    );
  }
  return first;
}

/**
 * Describes a deployed construct, based on the stack's outputs and its template's metadata. Uses the same region
 * and credentials as the AWS CLI.
 */
export async function describeDeployedStack(
  stackName: string,
  construct?: string,
): Promise<StackDescription> {
  const cloudFormation = new CloudFormationClient({});
  const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: stackName }));
  const outputs = new Map(
    Stacks?.[0]?.Outputs?.map(({ OutputKey = "", OutputValue }) => [OutputKey, OutputValue]),
  );
  const prefix = constructIn(stackName, [...outputs.keys()], construct);
  const optional = (key: string) => outputs.get(`${prefix}${key}`);
  const output = (key: string): string => {
    const value = optional(key);
    if (!value) {
      throw new Error(
        `the stack ${stackName} has no output ${prefix}${key}. Deploy the latest version`,
      );
    }
    return value;
  };
  const { TemplateBody = "{}" } = await cloudFormation.send(
    new GetTemplateCommand({ StackName: stackName }),
  );
  return {
    tables: forEachTable(tableLabel, (variable) => output(`${tableConstructId(variable)}Table`)),
    eventBusName: output("EventBusName"),
    eventBusArn: output("EventBusArn"),
    storedRuleArn: output("StoredRuleArn"),
    archiveArn: optional("ArchiveArn"),
    bufferQueueUrl: output("BufferQueueUrl"),
    deadLetterQueueUrl: output("DeadLetterQueueUrl"),
    alarmTopicArn: optional("AlarmTopicArn"),
    ipEnrichmentBucket: optional("IpEnrichmentBucketName"),
    config: parseMonitoringConfig(JSON.parse(TemplateBody).Metadata?.[`${prefix}Config`]),
  };
}
