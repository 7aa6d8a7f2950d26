import { isDeepStrictEqual } from "node:util";
import type { IndexDefinition, TableDefinition } from "../core/tables.ts";
import { type Item, indexEntry, itemSize } from "./item-size.ts";
import { writeUnits } from "./metering.ts";

/** Write units that a write consumes. */
export interface WriteCapacity {
  readonly table: number;
  readonly indexes: number;
}

const keyOf = ({ partitionKey, sortKey }: IndexDefinition, entry: Item) => [
  entry[partitionKey],
  sortKey === undefined ? undefined : entry[sortKey],
];

/** Moving an index entry costs a delete and a put. An unchanged entry costs nothing. */
function indexUnits(
  table: TableDefinition,
  index: IndexDefinition,
  before: Item | undefined,
  after: Item | undefined,
): number {
  const from = indexEntry(table, index, before);
  const to = indexEntry(table, index, after);
  if (!from || !to) return [from, to].reduce((sum, entry) => sum + unitsOf(entry), 0);
  if (!isDeepStrictEqual(keyOf(index, from), keyOf(index, to))) return unitsOf(from) + unitsOf(to);
  return isDeepStrictEqual(from, to) ? 0 : Math.max(unitsOf(from), unitsOf(to));
}

const unitsOf = (entry: Item | undefined) => (entry ? writeUnits(itemSize(entry)) : 0);

/**
 * Returns the write units that AWS bills for a put, update or delete. Index writes aren't transactional, so they are
 * billed once.
 *
 * @param before previous item, or undefined if there was none
 * @param after new item, or undefined if the item was deleted
 */
export function writeCapacity(
  table: TableDefinition,
  before: Item | undefined,
  after: Item | undefined,
  { transactional = false } = {},
): WriteCapacity {
  const largest = Math.max(...[before, after].map((item) => (item ? itemSize(item) : 0)));
  const indexes = Object.values(table.indexes).reduce(
    (sum, index) => sum + indexUnits(table, index, before, after),
    0,
  );
  return { table: writeUnits(largest) * (transactional ? 2 : 1), indexes };
}
