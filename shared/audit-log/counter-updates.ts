import type { TransactWriteCommandInput } from "@aws-sdk/lib-dynamodb";
import { DAY_MS, toEpochSeconds } from "../core/clock.ts";
import { type Count, type CounterAddress, counterAddresses } from "./counter-keys.ts";

type TransactItem = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];

interface CounterItem {
  readonly address: CounterAddress;
  readonly atMs: number;
  /** Increment for each attribute. */
  readonly adds: Map<string, number>;
}

/** Collects counts so that a batch of events updates each counter item once. */
export class CounterUpdates {
  readonly #items = new Map<string, CounterItem>();

  constructor(private readonly shard: number) {}

  /** Number of items that the collected counts update. */
  get size(): number {
    return this.#items.size;
  }

  /** Returns how many more items would need updating if these counts were added. */
  growth(counts: readonly Count[]): number {
    const keys = counts.flatMap((count) => counterAddresses(count, this.shard).map(itemKey));
    return new Set(keys.filter((key) => !this.#items.has(key))).size;
  }

  add(counts: readonly Count[]): void {
    for (const count of counts) {
      for (const address of counterAddresses(count, this.shard)) {
        const key = itemKey(address);
        const item = this.#items.get(key) ?? { address, atMs: count.atMs, adds: new Map() };
        const raise = (attribute: string) =>
          item.adds.set(attribute, (item.adds.get(attribute) ?? 0) + 1);
        raise(address.attribute);
        if (address.ranked && count.field === "n") raise("total");
        this.#items.set(key, item);
      }
    }
  }

  /** Returns the counter updates to include in the transaction that stores the counted events. */
  toTransactItems(countersTable: string, keepDays: number): TransactItem[] {
    return [...this.#items.values()].map((item) => ({
      Update: { TableName: countersTable, ...buildUpdate(item, keepDays) },
    }));
  }
}

function buildUpdate({ address, atMs, adds }: CounterItem, keepDays: number) {
  const numbers = [...adds.entries()];
  const facts = Object.entries({
    ...address.ranked,
    ttl_epoch_seconds: toEpochSeconds((Math.floor(atMs / DAY_MS) + 1 + keepDays) * DAY_MS),
  });
  return {
    Key: { pk: address.pk, sk: address.sk },
    UpdateExpression: [
      `ADD ${numbers.map((_, i) => `#n${i} :n${i}`).join(", ")}`,
      `SET ${facts.map((_, i) => `#f${i} = :f${i}`).join(", ")}`,
    ].join(" "),
    ExpressionAttributeNames: Object.fromEntries([
      ...numbers.map(([name], i) => [`#n${i}`, name]),
      ...facts.map(([name], i) => [`#f${i}`, name]),
    ]),
    ExpressionAttributeValues: Object.fromEntries([
      ...numbers.map(([, number], i) => [`:n${i}`, number]),
      ...facts.map(([, fact], i) => [`:f${i}`, fact]),
    ]),
  };
}

function itemKey(address: CounterAddress): string {
  return `${address.pk}\n${address.sk}`;
}
