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

/** The variable that a test's table is named after. */
function variableOf(tableName: string): TableVariable {
  const found = (Object.keys(TABLES) as TableVariable[]).find((each) => tableName.endsWith(each));
  if (!found) throw new Error(`${tableName} is none of the tables`);
  return found;
}

/** An item of a transaction: its table, its key, and what is put. */
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

/** The items of a transaction's keys, as they are now. */
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

/** Whose bill a read is on. */
function readPart(tableName: string): Part {
  if (tableName.endsWith("TOKENS_TABLE")) return "last use of tokens";
  return tableName.endsWith("RESTRICTIONS_TABLE") ? "restrictions" : "reads";
}

/** What a client of DynamoDB used, as AWS meters it. */
export interface StoreMeter {
  readonly usages: Usage[];
  /** Calls by operation, since somebody last set them to nothing. */
  calls: Record<string, number>;
  /** Meters no longer. */
  stop(): void;
}

/**
 * Meters every call of a client. Where DynamoDB Local tells the units it is believed; of transactions it
 * tells none, so that the items are looked at before and after, and reckoned by AWS's rule.
 *
 * @param reader another client of the same store, which is not metered
 * @param clock decides how long an item is kept
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

  /** The room that an update by itself has taken; its units are known. */
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
        // A condition that fails is paid for all the same; no item here is larger than a KB.
        if (error instanceof Error && error.name === "ConditionalCheckFailedException") units(1);
        throw error;
      }
    },
    { step: "initialize", name: "meterStore", priority: "high" },
  );
  return meter;
}
