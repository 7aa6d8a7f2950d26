import type { QueryCommandInput } from "@aws-sdk/lib-dynamodb";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { DAY_MS, toEpochSeconds, toInstant } from "../core/clock.ts";
import { allShardKeys, shardKey, shardOf } from "../core/shards.ts";

const EXPIRY = "expiry";

/** Attributes by which an expiring item is found by the cleanup and, at the latest, swept by TTL. */
export function expiryAttributes(
  key: string,
  expiresAtMs: number,
  config: Pick<MonitoringConfig, "shards" | "retention">,
): { expires_at: string; expiry_shard: string; ttl_epoch_seconds: number } {
  return {
    expires_at: toInstant(expiresAtMs),
    expiry_shard: shardKey(EXPIRY, shardOf(key, config.shards.expiry.write)),
    ttl_epoch_seconds: toEpochSeconds(expiresAtMs + config.retention.ttlBackstopDays * DAY_MS),
  };
}

/** The partitions of a `by_expiry` index that a cleanup walks. */
export function expiryPartitions(config: Pick<MonitoringConfig, "shards">): string[] {
  return allShardKeys(EXPIRY, config.shards.expiry.read);
}

/** After every instant. */
export const LAST_INSTANT = "9999-12-31T23:59:59.999Z";

/**
 * The Queries that list what expires between two instants, both included, one for each partition of `by_expiry`.
 *
 * @param fromAt UTC
 * @param toAt UTC; without it, there is no end
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
