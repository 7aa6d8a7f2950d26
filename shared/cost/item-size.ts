import type { IndexDefinition, TableDefinition } from "../core/tables.ts";

/** An item as passed to the document client, which omits undefined attributes. */
export type Item = Readonly<Record<string, unknown>>;

/** Bytes that DynamoDB adds to every stored item and index entry. */
export const STORED_ITEM_BYTES = 100;

/** Bytes that DynamoDB adds for a list or map, and for each member. */
const CONTAINER_BYTES = 3;
const MEMBER_BYTES = 1;

/** A number takes one byte per two significant digits, plus one byte, plus one for a negative sign. */
function numberSize(value: number): number {
  const digits = (Math.abs(value).toExponential().split("e")[0] ?? "").replace(".", "").length;
  return Math.ceil(digits / 2) + 1 + (value < 0 ? 1 : 0);
}

function entriesSize(entries: Iterable<readonly [string, unknown]>): number {
  let size = 0;
  for (const [name, value] of entries) {
    if (value !== undefined) size += Buffer.byteLength(name) + valueSize(value);
  }
  return size;
}

function membersOf(value: object): (readonly [string, unknown])[] {
  if (value instanceof Map) return [...value] as [string, unknown][];
  if (Array.isArray(value)) return value.map((member) => ["", member] as const);
  return Object.entries(value);
}

function valueSize(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (typeof value === "number") return numberSize(value);
  if (value instanceof Uint8Array) return value.byteLength;
  if (typeof value !== "object" || value === null) return 1;
  const members = membersOf(value).filter(([, member]) => member !== undefined);
  return CONTAINER_BYTES + members.length * MEMBER_BYTES + entriesSize(members);
}

/**
 * Returns an item's size in bytes, as DynamoDB counts it when metering capacity.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
export function itemSize(item: Item): number {
  return entriesSize(Object.entries(item));
}

/** Returns an item's index entry, or undefined if the item is missing a key of the index. */
export function indexEntry(
  table: TableDefinition,
  index: IndexDefinition,
  item: Item | undefined,
): Item | undefined {
  const keys = [index.partitionKey, ...(index.sortKey === undefined ? [] : [index.sortKey])];
  if (!item || keys.some((key) => item[key] === undefined)) return undefined;
  if (index.projection === "ALL") return item;
  const names = new Set([
    ...keys,
    table.partitionKey,
    ...(table.sortKey === undefined ? [] : [table.sortKey]),
    ...(index.projection === "KEYS_ONLY" ? [] : index.projection),
  ]);
  return Object.fromEntries(Object.entries(item).filter(([name]) => names.has(name)));
}

/** Bytes that an item occupies in the table and in the indexes. */
export interface StoredBytes {
  readonly table: number;
  readonly indexes: number;
}

/** Returns the bytes that an item occupies, including the bytes that DynamoDB adds. */
export function storedBytes(table: TableDefinition, item: Item): StoredBytes {
  let indexes = 0;
  for (const index of Object.values(table.indexes)) {
    const entry = indexEntry(table, index, item);
    if (entry) indexes += itemSize(entry) + STORED_ITEM_BYTES;
  }
  return { table: itemSize(item) + STORED_ITEM_BYTES, indexes };
}
