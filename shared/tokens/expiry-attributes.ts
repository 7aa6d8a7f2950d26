import type { QueryCommandInput } from "@aws-sdk/lib-dynamodb";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { DAY_MS, toEpochSeconds, toInstant } from "../core/clock.ts";
import { allShardKeys, computeShard, shardKey } from "../core/document-client.ts";

const EXPIRY = "expiry";

/** Returns the attributes that let the cleanup find an expired item, and a later DynamoDB TTL as a backstop. */
export function expiryAttributes(
  key: string,
  expiresAtMs: number,
  config: Pick<MonitoringConfig, "shards" | "retention">,
): { expires_at: string; expiry_shard: string; ttl_epoch_seconds: number } {
  return {
    expires_at: toInstant(expiresAtMs),
    expiry_shard: shardKey(EXPIRY, computeShard(key, config.shards.expiry.write)),
    ttl_epoch_seconds: toEpochSeconds(expiresAtMs + config.retention.ttlBackstopDays * DAY_MS),
  };
}

/** Returns the `by_expiry` partitions that the cleanup reads. */
export function expiryPartitions(config: Pick<MonitoringConfig, "shards">): string[] {
  return allShardKeys(EXPIRY, config.shards.expiry.read);
}

/** Later than every valid instant. */
export const LAST_INSTANT = "9999-12-31T23:59:59.999Z";

/**
 * Returns the queries for items that expire between two times (inclusive), one per `by_expiry` partition.
 *
 * @param fromAt UTC
 * @param toAt UTC; unbounded by default
 */
export function queriesByExpiry(
  config: Pick<MonitoringConfig, "shards">,
  tableName: string,
  fromAt: string,
  toAt = LAST_INSTANT,
): QueryCommandInput[] {
  return expiryPartitions(config).map((partition) => ({
    TableName: tableName,
    IndexName: "by_expiry",
    KeyConditionExpression: "expiry_shard = :partition AND expires_at BETWEEN :from AND :to",
    ExpressionAttributeValues: { ":partition": partition, ":from": fromAt, ":to": toAt },
  }));
}
