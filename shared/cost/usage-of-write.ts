import { DAY_MS, SECOND_MS } from "../core/clock.ts";
import { TABLES } from "../core/tables.ts";
import type { Part, Usage } from "./bill.ts";
import { type Item, storedBytes } from "./item-size.ts";
import { DAYS_A_MONTH, GB } from "./metering.ts";
import { writeCapacity } from "./write-capacity.ts";

/** Environment variable that contains a table's name. */
export type TableVariable = keyof typeof TABLES;

/** A write of one item. */
export interface ItemWrite {
  readonly table: TableVariable;
  readonly before: Item | undefined;
  readonly after: Item;
  readonly transactional: boolean;
}

/** Returns the part of the bill that a write counts towards. */
function partOf({ table, after }: ItemWrite): Part {
  switch (table) {
    case "TOKENS_TABLE":
      return "last use of tokens";
    case "EVENTS_TABLE":
      return after.event_count === undefined ? "events: items" : "events: packs";
    case "COUNTERS_TABLE":
      return String(after.pk).startsWith("in-use/") ? "clients, values in use" : "counters";
    case "ISSUANCES_TABLE":
      return "counters";
    case "CLIENTS_TABLE":
      return "clients, values in use";
    default:
      return "detection, cleanup";
  }
}

/** Returns how many months an item is kept, or 0 if it has no time to live. */
function monthsKept({ table, after }: ItemWrite, nowMs: number): number {
  const until = after[TABLES[table].ttlAttribute];
  if (typeof until !== "number") return 0;
  return Math.max(0, (until * SECOND_MS - nowMs) / DAY_MS / DAYS_A_MONTH);
}

/**
 * Returns the usage that a write causes: write units, and storage until the item expires. Deletion by TTL is free.
 *
 * @param nowMs when the write happens, in epoch milliseconds
 */
export function usageOfWrite(write: ItemWrite, nowMs: number): Usage[] {
  const definition = TABLES[write.table];
  const part = partOf(write);
  const units = writeCapacity(definition, write.before, write.after, write);
  const usage: Usage[] = [{ part, price: "dynamodb.write", quantity: units.table + units.indexes }];
  const months = monthsKept(write, nowMs);
  if (months === 0 || part === "last use of tokens") return usage;
  const before = write.before && storedBytes(definition, write.before);
  const after = storedBytes(definition, write.after);
  const table = ((after.table - (before?.table ?? 0)) / GB) * months;
  const indexes = ((after.indexes - (before?.indexes ?? 0)) / GB) * months;
  usage.push(
    { part: "storage", price: "dynamodb.storage", quantity: table + indexes },
    { part: "recovery", price: "dynamodb.recovery", quantity: table },
  );
  return usage;
}
