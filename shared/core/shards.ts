import { createHash } from "node:crypto";

/** The shard, 0 to `count` - 1, that an item falls to by a value of its own. */
export function shardOf(value: string, count: number): number {
  return createHash("sha256").update(value).digest().readUInt32BE(0) % count;
}

/** The partition key of one shard: `value#shard`. */
export function shardKey(value: string, shard: number): string {
  return `${value}#${shard}`;
}

/** The partition keys of every shard that a reader merges. */
export function allShardKeys(value: string, count: number): string[] {
  return Array.from({ length: count }, (_, shard) => shardKey(value, shard));
}
