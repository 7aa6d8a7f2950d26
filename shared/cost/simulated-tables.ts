import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import type {
  BatchGetCommandInput,
  TransactWriteCommandInput,
  UpdateCommandInput,
} from "@aws-sdk/lib-dynamodb";
import type { DocumentClient } from "../core/document-client.ts";
import { TABLES, type TableDefinition } from "../core/tables.ts";
import type { Item } from "./item-size.ts";
import type { ItemWrite, TableVariable } from "./usage-of-write.ts";

/** The calls that the tables received. */
export interface SimulatedTraffic {
  readonly writes: ItemWrite[];
  /** Items read, in order. Each is a separate read. */
  readonly reads: (Item | undefined)[];
  /** Number of calls per operation. */
  readonly calls: Record<string, number>;
}

type Input = UpdateCommandInput & TransactWriteCommandInput & BatchGetCommandInput;

/**
 * In-memory tables that support what is needed to store events: transactions of puts and updates, conditional updates,
 * and reads by key. Each table is named after its environment variable.
 */
export class SimulatedTables {
  readonly #items = new Map<string, Item>();
  #traffic: SimulatedTraffic = { writes: [], reads: [], calls: {} };

  /** Starts recording and returns the traffic from this point on. */
  begin(): SimulatedTraffic {
    this.#traffic = { writes: [], reads: [], calls: {} };
    return this.#traffic;
  }

  /** A replacement for the DynamoDB client. */
  get db(): DocumentClient {
    const send = async (command: {
      readonly constructor: { name: string };
      readonly input: Input;
    }) => this.#answer(command.constructor.name.replace(/Command$/, ""), command.input);
    return { send } as unknown as DocumentClient;
  }

  #answer(operation: string, input: Input): unknown {
    const { calls } = this.#traffic;
    calls[operation] = (calls[operation] ?? 0) + 1;
    switch (operation) {
      case "TransactWrite":
        for (const { Put, Update } of input.TransactItems ?? []) {
          if (Put) this.#put(Put.TableName as TableVariable, Put.Item as Item);
          if (Update) this.#update(Update as UpdateCommandInput, true);
        }
        return {};
      case "Update":
        this.#update(input, false);
        return {};
      case "BatchGet":
        return { Responses: this.#found(input) };
      default:
        throw new Error(`the cost model does not support ${operation}. Add it to SimulatedTables`);
    }
  }

  #found({ RequestItems = {} }: BatchGetCommandInput): Record<string, Item[]> {
    return Object.fromEntries(
      Object.entries(RequestItems).map(([table, { Keys = [] }]) => {
        const items = Keys.map((key) => this.#items.get(keyOf(table as TableVariable, key)));
        this.#traffic.reads.push(...items);
        return [table, items.filter((item) => item !== undefined)];
      }),
    );
  }

  #put(table: TableVariable, after: Item): void {
    const key = keyOf(table, after);
    this.#traffic.writes.push({ table, before: this.#items.get(key), after, transactional: true });
    this.#items.set(key, after);
  }

  #update(update: UpdateCommandInput, transactional: boolean): void {
    const table = update.TableName as TableVariable;
    const key = keyOf(table, update.Key as Item);
    const before = this.#items.get(key);
    const holds = !update.ConditionExpression || meets(before ?? {}, update);
    const after = holds ? updated(before ?? (update.Key as Item), update) : (before as Item);
    // DynamoDB bills a failed condition like a write that changes nothing.
    this.#traffic.writes.push({ table, before: holds ? before : after, after, transactional });
    if (!holds) throw new ConditionalCheckFailedException({ $metadata: {}, message: "simulated" });
    this.#items.set(key, after);
  }
}

function keyOf(table: TableVariable, item: Item): string {
  const { partitionKey, sortKey }: TableDefinition = TABLES[table];
  return JSON.stringify([table, item[partitionKey], sortKey && item[sortKey]]);
}

/** Resolves the placeholders of an expression. */
function resolver({
  ExpressionAttributeNames: names = {},
  ExpressionAttributeValues: values = {},
}: UpdateCommandInput) {
  return { name: (text = "") => names[text] ?? text, value: (text = "") => values[text] };
}

/** Evaluates conditions of the form `attribute_not_exists(a) OR a < :b`. */
function meets(item: Item, update: UpdateCommandInput): boolean {
  const { name, value } = resolver(update);
  return (update.ConditionExpression ?? "").split(" OR ").some((test) => {
    const [, absent] = /^attribute_not_exists\((\S+)\)$/.exec(test) ?? [];
    if (absent) return item[name(absent)] === undefined;
    const [, left, right] = /^(\S+) < (:\w+)$/.exec(test) ?? [];
    return String(item[name(left)]) < String(value(right));
  });
}

/** Stands in for `if_not_exists(a, `, because the comma would split the clause. */
const IF_ABSENT = "?";

/** Replaces `if_not_exists(a, :a)` with `?:a)`. */
function shortened(sets: string): string {
  const [first, ...others] = sets.split("if_not_exists(");
  return [first, ...others.map((part) => part.slice(part.indexOf(", ") + 2))].join(IF_ABSENT);
}

/** Splits `#a :a, #b :b` or `a = :a, b = :b` into clauses. */
const clauses = (text: string) => text.trim().split(", ").filter(Boolean);

/** Applies `ADD #a :a, … SET b = :b, …` to an item. */
function updated(before: Item, update: UpdateCommandInput): Item {
  const { name, value } = resolver(update);
  const after: Record<string, unknown> = { ...before };
  const [adds = "", sets = ""] = (update.UpdateExpression ?? "").replace("ADD ", "").split("SET ");
  for (const add of clauses(adds)) {
    const [attribute, by] = add.split(" ");
    after[name(attribute)] = Number(after[name(attribute)] ?? 0) + Number(value(by));
  }
  for (const set of clauses(shortened(sets))) {
    const [attribute, to = ""] = set.split(" = ");
    if (to.startsWith(IF_ABSENT)) after[name(attribute)] ??= value(to.slice(1, -1));
    else after[name(attribute)] = value(to);
  }
  return after;
}
