import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { retentionDays } from "../../config/event-retention.ts";
import type { MonitoringConfig } from "../../config/monitoring-config.ts";
import { DAY_MS, toEpochSeconds } from "../../core/clock.ts";
import type { DocumentClient } from "../../core/document-client.ts";
import type { OAuthEvent } from "../../events/oauth-event.ts";

/** The DynamoDB table of first receipts. */
export interface ReceiptStore {
  readonly db: DocumentClient;
  readonly countersTable: string;
  readonly config: Pick<MonitoringConfig, "retention">;
}

/**
 * Returns when an event was first received, and stores that time for as long as the event is kept. Used for records
 * that contain no time: an event's key includes the time, so a replayed record would otherwise be stored again.
 *
 * Cost: 1 write unit.
 *
 * @param event its `occurred_at` is the time of this receipt
 */
export async function firstReceipt(
  { db, countersTable, config }: ReceiptStore,
  { id, event_type, occurred_at }: OAuthEvent,
): Promise<string> {
  const endsMs = Date.parse(occurred_at) + (retentionDays(config, event_type) + 1) * DAY_MS;
  const { Attributes } = await db.send(
    new UpdateCommand({
      TableName: countersTable,
      Key: { pk: `first-receipt/${id}`, sk: "-" },
      UpdateExpression:
        "SET received_at = if_not_exists(received_at, :at), ttl_epoch_seconds = if_not_exists(ttl_epoch_seconds, :ttl)",
      ExpressionAttributeValues: { ":at": occurred_at, ":ttl": toEpochSeconds(endsMs) },
      ReturnValues: "ALL_NEW",
    }),
  );
  return String(Attributes?.received_at);
}
