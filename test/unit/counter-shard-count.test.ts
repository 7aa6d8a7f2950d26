import { describe, expect, it } from "vitest";
import { CounterShardCount } from "../../shared/audit-log/counter-shard-count.ts";

function times(count: number, act: () => void): void {
  for (let n = 0; n < count; n += 1) act();
}

describe("CounterShardCount", () => {
  it("doubles the shard count with each conflict, up to 128", () => {
    const shardCount = new CounterShardCount(4);
    const seen = [];
    for (let n = 0; n < 7; n += 1) {
      seen.push(shardCount.shards);
      shardCount.conflicted();
    }
    expect(seen).toEqual([4, 8, 16, 32, 64, 128, 128]);
  });

  it("keeps the shard count steady while one transaction in fifty conflicts", () => {
    const shardCount = new CounterShardCount(4);
    shardCount.conflicted();
    times(20, () => {
      times(50, () => shardCount.succeeded());
      shardCount.conflicted();
    });
    expect(shardCount.shards).toBe(8);
  });

  it("halves the shard count after every 100 transactions without a conflict, down to the minimum", () => {
    const shardCount = new CounterShardCount(4);
    times(2, () => shardCount.conflicted());
    times(100, () => shardCount.succeeded());
    expect(shardCount.shards).toBe(8);
    times(300, () => shardCount.succeeded());
    expect(shardCount.shards).toBe(4);
  });

  it("never goes below the minimum, even when it is 128", () => {
    const shardCount = new CounterShardCount(128);
    shardCount.conflicted();
    times(300, () => shardCount.succeeded());
    expect(shardCount.shards).toBe(128);
  });
});
