import { describe, expect, it } from "vitest";
import { CounterSpread } from "../../shared/audit-log/counter-spread.ts";

function times(count: number, act: () => void): void {
  for (let n = 0; n < count; n += 1) act();
}

describe("CounterSpread", () => {
  it("doubles the shard count with each conflict, up to 128", () => {
    const spread = new CounterSpread(4);
    const seen = [];
    for (let n = 0; n < 7; n += 1) {
      seen.push(spread.shards);
      spread.conflicted();
    }
    expect(seen).toEqual([4, 8, 16, 32, 64, 128, 128]);
  });

  it("keeps the shard count steady while one transaction in fifty conflicts", () => {
    const spread = new CounterSpread(4);
    spread.conflicted();
    times(20, () => {
      times(50, () => spread.succeeded());
      spread.conflicted();
    });
    expect(spread.shards).toBe(8);
  });

  it("halves the shard count after every 100 transactions without a conflict, down to the minimum", () => {
    const spread = new CounterSpread(4);
    times(2, () => spread.conflicted());
    times(100, () => spread.succeeded());
    expect(spread.shards).toBe(8);
    times(300, () => spread.succeeded());
    expect(spread.shards).toBe(4);
  });

  it("never goes below the minimum, even when it is 128", () => {
    const spread = new CounterSpread(128);
    spread.conflicted();
    times(300, () => spread.succeeded());
    expect(spread.shards).toBe(128);
  });
});
