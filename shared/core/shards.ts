import { createHash } from "node:crypto";

/** Returns the shard for a value, from 0 to `count` - 1, based on a hash. */
export function shardOf(value: string, count: number): number {
  return createHash("sha256").update(value).digest().readUInt32BE(0) % count;
}

/** Returns the partition key for one shard: `value#shard`. */
export function shardKey(value: string, shard: number): string {
  return `${value}#${shard}`;
}

/** Returns the partition keys of all shards, which a reader merges. */
export function allShardKeys(value: string, count: number): string[] {
  return Array.from({ length: count }, (_, shard) => shardKey(value, shard));
}
