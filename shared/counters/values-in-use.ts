import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { queryAll } from "../dynamodb/query-all.ts";
import { DAY_MS, toEpochSeconds, toInstant } from "../time/clock.ts";
import type { StatisticsStore } from "./counter-store.ts";

/**
 * Readers must know which partitions writers use: every retention period that stored events have, and
 * every lifetime that counted tokens have. Writers enter a value before its first use.
 */
export type ValueKind = "retention_days" | "token_lifetime";

/** The last day whose instants sort as text; some issuers write it where they mean never. */
const LAST_DAY_MS = Date.parse("9999-12-31T00:00:00.000Z");

/** Remembers what this process has entered, so that a value costs one write a day. */
export type EnteredValues = Map<string, number>;

/**
 * Enters a value as in use at least until `untilMs`. Repeating it, or an earlier time, changes nothing.
 */
export async function enterValue(
  store: StatisticsStore,
  entered: EnteredValues,
  kind: ValueKind,
  value: string,
  untilMs: number,
): Promise<void> {
  const key = `${kind}#${value}`;
  if ((entered.get(key) ?? 0) >= Math.min(untilMs, LAST_DAY_MS)) return;
  const roundedMs = Math.min((Math.floor(untilMs / DAY_MS) + 2) * DAY_MS, LAST_DAY_MS);
  try {
    await store.db.send(
      new UpdateCommand({
        TableName: store.countersTable,
        Key: { pk: `in-use/${kind}`, sk: value },
        UpdateExpression: "SET in_use_until = :until, ttl_epoch_seconds = :ttl",
        ConditionExpression: "attribute_not_exists(in_use_until) OR in_use_until < :until",
        ExpressionAttributeValues: {
          ":until": toInstant(roundedMs),
          ":ttl": toEpochSeconds(roundedMs + store.config.retention.statisticsDays * DAY_MS),
        },
      }),
    );
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
  entered.set(key, roundedMs);
}

/** The values in use at or after `sinceMs`; without it, all that are on record. */
export async function valuesInUse(
  store: Pick<StatisticsStore, "db" | "countersTable">,
  kind: ValueKind,
  sinceMs = 0,
): Promise<string[]> {
  const items = await queryAll(store.db, {
    TableName: store.countersTable,
    KeyConditionExpression: "pk = :pk",
    ExpressionAttributeValues: { ":pk": `in-use/${kind}` },
    ConsistentRead: true,
  });
  const since = toInstant(sinceMs);
  return items.filter((item) => String(item.in_use_until) >= since).map((item) => String(item.sk));
}
