import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DynamoDBClient,
  ListTablesCommand,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { LOCAL_ACCESS } from "../../shared/stack/local-stack-file.ts";
import type { Template } from "./template.ts";

interface TableProperties
  extends Pick<
    CreateTableCommandInput,
    "AttributeDefinitions" | "KeySchema" | "GlobalSecondaryIndexes" | "BillingMode"
  > {
  readonly TimeToLiveSpecification?: { AttributeName: string; Enabled: boolean };
}

/**
 * Creates the template's tables that do not exist yet.
 *
 * @returns whether the store had no tables before
 */
export async function createTables(template: Template, endpoint: string): Promise<boolean> {
  const client = new DynamoDBClient({ endpoint, ...LOCAL_ACCESS });
  const { TableNames = [] } = await client.send(new ListTablesCommand({}));
  const tables = template
    .resources<TableProperties>("AWS::DynamoDB::Table")
    .filter(({ logicalId }) => !TableNames.includes(logicalId));
  for (const { logicalId, properties } of tables) {
    const { AttributeDefinitions, KeySchema, GlobalSecondaryIndexes, BillingMode } = properties;
    await client.send(
      new CreateTableCommand({
        TableName: logicalId,
        AttributeDefinitions,
        KeySchema,
        GlobalSecondaryIndexes,
        BillingMode,
      }),
    );
    const { TimeToLiveSpecification } = properties;
    if (!TimeToLiveSpecification) continue;
    await client.send(
      new UpdateTimeToLiveCommand({ TableName: logicalId, TimeToLiveSpecification }),
    );
  }
  client.destroy();
  return TableNames.length === 0;
}
