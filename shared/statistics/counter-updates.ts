import type { TransactWriteCommandInput } from "@aws-sdk/lib-dynamodb";
import { DAY_MS, toEpochSeconds } from "../clock/clock.ts";
import { type Count, type CounterAddress, counterAddresses } from "./counter-keys.ts";

type TransactItem = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];

/** Gathers counts so that many events raise a counter's item once. */
export class CounterUpdates {
  readonly #items = new Map<
    string,
    { address: CounterAddress; atMs: number; adds: Map<string, number> }
  >();

  constructor(private readonly shard: number) {}

  /** How many items the counts gathered so far touch. */
  get size(): number {
    return this.#items.size;
  }

  /** How many items more would be touched with these counts. */
  growth(counts: readonly Count[]): number {
    const keys = counts.flatMap((count) => counterAddresses(count, this.shard).map(itemKey));
    return new Set(keys.filter((key) => !this.#items.has(key))).size;
  }

  add(counts: readonly Count[]): void {
    for (const count of counts) {
      for (const address of counterAddresses(count, this.shard)) {
        const key = itemKey(address);
        const item = this.#items.get(key) ?? { address, atMs: count.atMs, adds: new Map() };
        item.adds.set(address.attribute, (item.adds.get(address.attribute) ?? 0) + 1);
        this.#items.set(key, item);
      }
    }
  }

  /** The updates, for the transaction that stores the counted events. */
  toTransactItems(countersTable: string, keepDays: number): TransactItem[] {
    return [...this.#items.values()].map(({ address, atMs, adds }) => {
      const attributes = [...adds.keys()];
      return {
        Update: {
          TableName: countersTable,
          Key: { pk: address.pk, sk: address.sk },
          UpdateExpression: `ADD ${attributes.map((_, i) => `#a${i} :a${i}`).join(", ")} SET ttl_epoch_seconds = :ttl`,
          ExpressionAttributeNames: Object.fromEntries(
            attributes.map((name, i) => [`#a${i}`, name]),
          ),
          ExpressionAttributeValues: {
            ":ttl": toEpochSeconds((Math.floor(atMs / DAY_MS) + 1 + keepDays) * DAY_MS),
            ...Object.fromEntries([...adds.values()].map((n, i) => [`:a${i}`, n])),
          },
        },
      };
    });
  }
}

function itemKey(address: CounterAddress): string {
  return `${address.pk}\n${address.sk}`;
}
