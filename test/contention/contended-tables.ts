import { TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import type { TransactWriteCommandInput } from "@aws-sdk/lib-dynamodb";
import type { DocumentClient } from "../../shared/core/document-client.ts";
import { TABLES, type TableDefinition } from "../../shared/core/tables.ts";

/** Time that a transaction holds its items, and time until a conflicting one is cancelled. */
const HOLD_MS = { least: 15, most: 30 };
const CANCEL_MS = 5;

type TransactItem = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];

function getName({ Put, Update }: TransactItem): string {
  const { TableName = "" } = Put ?? Update ?? {};
  const { partitionKey, sortKey }: TableDefinition = TABLES[TableName as keyof typeof TABLES];
  const from: Record<string, unknown> = Put?.Item ?? Update?.Key ?? {};
  return JSON.stringify([TableName, from[partitionKey], sortKey && from[sortKey]]);
}

/**
 * Tables that store nothing but whose transactions conflict as in DynamoDB: a write to an item that another transaction
 * holds is cancelled.
 */
export class ContendedTables {
  readonly #held = new Set<string>();
  transactions = 0;
  cancelled = 0;

  constructor(
    private readonly wait: (ms: number) => Promise<void>,
    private readonly random: () => number,
  ) {}

  /** Replaces a DynamoDB client. */
  get db(): DocumentClient {
    const send = async ({ input }: { readonly input: TransactWriteCommandInput }) => {
      if (input.TransactItems) await this.#hold(input.TransactItems);
      return {};
    };
    return { send } as unknown as DocumentClient;
  }

  async #hold(items: readonly TransactItem[]): Promise<void> {
    this.transactions += 1;
    const names = items.map(getName);
    const met = names.map((name) => this.#held.has(name));
    if (met.includes(true)) {
      this.cancelled += 1;
      await this.wait(CANCEL_MS);
      throw new TransactionCanceledException({
        $metadata: {},
        message: "Transaction cancelled",
        CancellationReasons: met.map((one) => ({
          Code: one ? "TransactionConflict" : "None",
          Message: one ? "Transaction is ongoing for the item" : undefined,
        })),
      });
    }
    for (const name of names) this.#held.add(name);
    await this.wait(HOLD_MS.least + this.random() * (HOLD_MS.most - HOLD_MS.least));
    for (const name of names) this.#held.delete(name);
  }
}
