import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { retentionDays } from "../../config/event-retention.ts";
import type { MonitoringConfig } from "../../config/monitoring-config.ts";
import { DAY_MS, toEpochSeconds } from "../../core/clock.ts";
import type { DocumentClient } from "../../core/document-client.ts";
import type { OAuthEvent } from "../../events/oauth-event.ts";

/** Where the first receipts of events are kept. */
export interface ReceiptStore {
  readonly db: DocumentClient;
  readonly countersTable: string;
  readonly config: Pick<MonitoringConfig, "retention">;
}

/**
 * Returns the time at which an event was first received, and keeps it for as long as the event. An event is stored under
 * its time, so a record without one would otherwise be stored again whenever its request is replayed.
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
