import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { GetFunctionConfigurationCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { readEnvironment } from "../shared/config/environment.ts";
import type { StackDescription } from "../shared/stack/open-stack.ts";

/**
 * A deployed stack, by its outputs and the configuration its functions run with. Region and credentials
 * come from where the AWS CLI takes them.
 */
export async function describeDeployedStack(stackName: string): Promise<StackDescription> {
  const { Stacks } = await new CloudFormationClient({}).send(
    new DescribeStacksCommand({ StackName: stackName }),
  );
  const outputs = new Map(
    Stacks?.[0]?.Outputs?.map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]),
  );
  const output = (key: string): string => {
    const value = outputs.get(key);
    if (!value)
      throw new Error(`the stack ${stackName} has no output ${key}: is it ours, and up to date?`);
    return value;
  };
  const cleanup = await new LambdaClient({}).send(
    new GetFunctionConfigurationCommand({ FunctionName: output("CleanupFunctionName") }),
  );
  const environment = readEnvironment(cleanup.Environment?.Variables ?? {}, [
    "OAUTH_MONITORING_CONFIG",
  ]);
  return {
    tables: {
      tokens: output("TokensTable"),
      authorization_codes: output("AuthorizationCodesTable"),
      sessions: output("SessionsTable"),
      clients: output("ClientsTable"),
      events: output("EventsTable"),
      counters: output("CountersTable"),
      issuances: output("IssuancesTable"),
      cleanup_runs: output("CleanupRunsTable"),
      alerts: output("AlertsTable"),
    },
    eventBusName: output("EventBusName"),
    eventBusArn: output("EventBusArn"),
    storedRuleArn: output("StoredRuleArn"),
    archiveArn: outputs.get("ArchiveArn"),
    bufferQueueUrl: output("BufferQueueUrl"),
    deadLetterQueueUrl: output("DeadLetterQueueUrl"),
    config: environment.OAUTH_MONITORING_CONFIG,
  };
}
