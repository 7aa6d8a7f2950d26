import { BatchGetCommand, type TransactWriteCommandInput } from "@aws-sdk/lib-dynamodb";
import type { DocumentClient } from "../../shared/core/document-client.ts";
import { TABLES, type TableDefinition } from "../../shared/core/tables.ts";
import type { Part, Usage } from "../../shared/cost/bill.ts";
import type { Item } from "../../shared/cost/item-size.ts";
import { type TableVariable, usageOfWrite } from "../../shared/cost/usage-of-write.ts";

type TransactItem = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];

interface Capacity {
  readonly CapacityUnits?: number;
}

interface Answer {
  readonly Attributes?: Item;
  readonly ConsumedCapacity?: Capacity | readonly Capacity[];
}

const READS = new Set(["GetItem", "BatchGetItem", "Query"]);

/** Returns the environment variable that a test's table is named after. */
function variableOf(tableName: string): TableVariable {
  const found = (Object.keys(TABLES) as TableVariable[]).find((each) => tableName.endsWith(each));
  if (!found) throw new Error(`${tableName} is none of the tables`);
  return found;
}

/** Returns an item of a transaction: its table, its key, and the item that a Put writes. */
function written({ Put, Update, Delete, ConditionCheck }: TransactItem) {
  const write = Put ?? Update ?? Delete ?? ConditionCheck;
  const tableName = write?.TableName ?? "";
  const { partitionKey, sortKey }: TableDefinition = TABLES[variableOf(tableName)];
  const from = (Put?.Item ?? Update?.Key ?? {}) as Item;
  if (!Put && !Update) throw new Error("the meter knows puts and updates in transactions only");
  const key = Object.fromEntries(
    [partitionKey, sortKey].flatMap((name) => (name ? [[name, from[name]]] : [])),
  );
  return { tableName, key, put: Put?.Item as Item | undefined };
}

const nameOf = (tableName: string, key: Item) => JSON.stringify([tableName, key]);

/** Returns the current items of a transaction's keys. */
async function itemsOf(
  db: DocumentClient,
  keys: readonly { readonly tableName: string; readonly key: Item }[],
): Promise<Map<string, Item>> {
  const found = new Map<string, Item>();
  if (keys.length === 0) return found;
  const tables = new Map<string, Item[]>();
  for (const { tableName, key } of keys) {
    tables.set(tableName, [...(tables.get(tableName) ?? []), key]);
  }
  const RequestItems = Object.fromEntries(
    [...tables].map(([tableName, Keys]) => [tableName, { Keys, ConsistentRead: true }]),
  );
  const { Responses = {} } = await db.send(new BatchGetCommand({ RequestItems }));
  for (const [tableName, items] of Object.entries(Responses)) {
    const { partitionKey, sortKey }: TableDefinition = TABLES[variableOf(tableName)];
    for (const item of items) {
      const key = Object.fromEntries(
        [partitionKey, sortKey].flatMap((name) => (name ? [[name, item[name]]] : [])),
      );
      found.set(nameOf(tableName, key), item);
    }
  }
  return found;
}

/** Returns which part of the bill a read belongs to. */
function readPart(tableName: string): Part {
  if (tableName.endsWith("TOKENS_TABLE")) return "last use of tokens";
  return tableName.endsWith("RESTRICTIONS_TABLE") ? "restrictions" : "reads";
}

/** The usage that a DynamoDB client causes, as AWS meters it. */
export interface StoreMeter {
  readonly usages: Usage[];
  /** Number of calls by operation, since `calls` was last reset. */
  calls: Record<string, number>;
  /** Stops metering. */
  stop(): void;
}

/**
 * Meters every call that a client makes. Uses the units that DynamoDB Local reports. DynamoDB Local reports no units
 * for transactions, so the meter reads their items before and after and applies AWS's rule.
 *
 * @param reader another client of the same store, which is not metered
 * @param clock determines how long an item is stored
 */
export function meterStore(
  db: DocumentClient,
  reader: DocumentClient,
  clock: () => number,
): StoreMeter {
  const meter: StoreMeter = {
    usages: [],
    calls: {},
    stop: () => void db.middlewareStack.remove("meterStore"),
  };

  async function transaction<T>(items: readonly TransactItem[], send: () => Promise<T>) {
    const writes = items.map(written);
    const before = await itemsOf(reader, writes);
    const result = await send();
    const updates = writes.filter(({ put }) => !put);
    const updated = await itemsOf(reader, updates);
    for (const { tableName, key, put } of writes) {
      const name = nameOf(tableName, key);
      const after = put ?? updated.get(name);
      if (!after) throw new Error("what was written must be there");
      const table = variableOf(tableName);
      const write = { table, before: before.get(name), after, transactional: true };
      meter.usages.push(...usageOfWrite(write, clock()));
    }
    return result;
  }

  /** Adds the storage that a single update uses. The write units are already known. */
  async function room(place: { tableName: string; key: Item }, before: Item | undefined) {
    const [after] = [...(await itemsOf(reader, [place])).values()];
    if (!after) return;
    const write = { table: variableOf(place.tableName), before, after, transactional: false };
    const usages = usageOfWrite(write, clock());
    meter.usages.push(...usages.filter(({ price }) => price !== "dynamodb.write"));
  }

  db.middlewareStack.add(
    (next, context) => async (args) => {
      const operation = String(context.commandName).replace(/Command$/, "");
      meter.calls[operation] = (meter.calls[operation] ?? 0) + 1;
      const input = args.input as {
        readonly TableName?: string;
        readonly Key?: Item;
        readonly Item?: Item;
        readonly TransactItems?: readonly TransactItem[];
      };
      if (input.TransactItems) return transaction(input.TransactItems, () => next(args));
      const { TableName: tableName = "", Key: key } = input;
      const grows = operation === "UpdateItem" && tableName.endsWith("COUNTERS_TABLE") && key;
      const before = grows ? await itemsOf(reader, [{ tableName, key }]) : undefined;
      const units = (quantity: number) => {
        if (READS.has(operation)) {
          meter.usages.push({
            part: readPart(tableName),
            price: "dynamodb.read",
            quantity,
          });
          return;
        }
        const after = input.Item ?? input.Key ?? {};
        const table = variableOf(input.TableName ?? "");
        const [{ part } = { part: "reads" as const }] = usageOfWrite(
          { table, before: undefined, after, transactional: false },
          clock(),
        );
        meter.usages.push({ part, price: "dynamodb.write", quantity });
      };
      try {
        const asked = { ...(args.input as object), ReturnConsumedCapacity: "TOTAL" };
        const result = await next({ ...args, input: asked });
        const { ConsumedCapacity } = result.output as Answer;
        const consumed = [ConsumedCapacity ?? []].flat() as readonly Capacity[];
        units(consumed.reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0));
        if (grows) await room({ tableName, key }, before?.get(nameOf(tableName, key)));
        return result;
      } catch (error) {
        // A failed condition is charged too. No item here is larger than 1 KB.
        if (error instanceof Error && error.name === "ConditionalCheckFailedException") units(1);
        throw error;
      }
    },
    { step: "initialize", name: "meterStore", priority: "high" },
  );
  return meter;
}
