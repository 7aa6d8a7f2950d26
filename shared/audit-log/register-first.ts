import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { DAY_MS, toEpochSeconds } from "../core/clock.ts";
import type { StatisticsStore } from "./counter-store.ts";

/** The first value seen, and when it was seen. */
export interface First {
  readonly attribute: "first_agent" | "first_location";
  readonly value: string;
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly keepDays: number;
}

/** Stores the first value seen. Does nothing if one is already stored. */
export async function registerFirst(
  store: StatisticsStore,
  key: { readonly pk: string; readonly sk: string },
  { attribute, value, atMs, keepDays }: First,
): Promise<void> {
  try {
    await store.db.send(
      new UpdateCommand({
        TableName: store.countersTable,
        Key: key,
        UpdateExpression: `SET ${attribute} = :value, first_seen_ms = :seen, ttl_epoch_seconds = :ttl`,
        ConditionExpression: "attribute_not_exists(first_seen_ms)",
        ExpressionAttributeValues: {
          ":value": value,
          ":seen": atMs,
          ":ttl": toEpochSeconds(atMs + keepDays * DAY_MS),
        },
      }),
    );
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
}
