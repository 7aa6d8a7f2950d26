import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { DAY_MS, toEpochSeconds, toInstant } from "../time/clock.ts";
import { allShardKeys, shardKey, shardOf } from "./shards.ts";

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
