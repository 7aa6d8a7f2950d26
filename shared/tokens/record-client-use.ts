import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import type { ClientStore } from "./oauth-client.ts";

/**
 * Sets a client's `last_used_at` to `usedAt`, unless the stored time is later. Registers an unknown client as active.
 * Idempotent.
 */
export async function recordClientUse(
  store: ClientStore,
  clientId: string,
  usedAt: string,
): Promise<void> {
  try {
    await store.db.send(
      new UpdateCommand({
        TableName: store.clientsTable,
        Key: { oauth_client_id: clientId },
        UpdateExpression:
          "SET last_used_at = :at, #status = if_not_exists(#status, :active), created_at = if_not_exists(created_at, :at)",
        ConditionExpression: "attribute_not_exists(last_used_at) OR last_used_at < :at",
        ExpressionAttributeNames: { "#status": "status" },
        ExpressionAttributeValues: { ":at": usedAt, ":active": "active" },
      }),
    );
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
}
