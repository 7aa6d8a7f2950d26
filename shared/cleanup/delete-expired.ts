import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { DeleteCommand, paginateQuery, type QueryCommandInput } from "@aws-sdk/lib-dynamodb";
import type { Clock } from "../core/clock.ts";
import type { DocumentClient } from "../core/document-client.ts";

/** One kind of expiring item: the Queries that list expired items, and the condition for being expired. */
export interface CleanupTarget {
  readonly table: string;
  /** One Query for each partition, which lists expired items, oldest first. */
  readonly queries: readonly QueryCommandInput[];
  /** The condition that the item is still expired. The delete itself checks it. */
  readonly expired: {
    readonly condition: string;
    readonly values: Readonly<Record<string, string | number>>;
  };
  /** How many a listed item stands for. */
  readonly countOf: (item: Record<string, unknown>) => number;
  /**
   * The keys to delete for listed items: those that count as removed, and, once these are gone, those
   * that only list them.
   */
  readonly keysOf: (items: readonly Record<string, unknown>[]) => Promise<{
    readonly counted: readonly Key[];
    readonly uncounted?: readonly Key[];
  }>;
}

/** The key of an item. */
export type Key = Readonly<Record<string, string>>;

/** When a deletion stops, and how much it does at once. */
export interface DeletionLimits {
  readonly clock: Clock;
  /** No delete begins at or after this instant, epoch milliseconds. */
  readonly deadlineMs: number;
  /** The number of deletes at the same time. */
  readonly concurrency: number;
  /** Called after each page with the number of removed items. */
  readonly onProgress?: ((removed: number) => Promise<void> | void) | undefined;
}

/** The result of a deletion. */
export interface Deletion {
  readonly removed: number;
  /** False when the deadline came first. The next run continues with the oldest items that are left. */
  readonly finished: boolean;
}

/** The number of items in a page. The next page is read when the items of the previous one are deleted. */
const PAGE_SIZE = 1000;

async function deleteIfExpired(
  db: DocumentClient,
  target: CleanupTarget,
  key: Key,
): Promise<boolean> {
  try {
    await db.send(
      new DeleteCommand({
        TableName: target.table,
        Key: key,
        ConditionExpression: target.expired.condition,
        ExpressionAttributeValues: target.expired.values,
      }),
    );
    return true;
  } catch (error) {
    // The item was renewed, or TTL or another run has deleted it.
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** Deletes items by their keys, a limited number at the same time. No delete begins after the deadline. */
async function deleteEach(
  db: DocumentClient,
  target: CleanupTarget,
  keys: readonly Key[],
  limits: DeletionLimits,
): Promise<Deletion> {
  let removed = 0;
  let next = 0;
  const worker = async () => {
    while (next < keys.length && limits.clock() < limits.deadlineMs) {
      const key = keys[next];
      next += 1;
      if (key && (await deleteIfExpired(db, target, key))) removed += 1;
    }
  };
  await Promise.all(Array.from({ length: limits.concurrency }, worker));
  return { removed, finished: next >= keys.length };
}

/** Deletes the items of a page. An item that lists others is deleted last, so that a retry finds the others. */
async function deletePage(
  db: DocumentClient,
  target: CleanupTarget,
  items: readonly Record<string, unknown>[],
  limits: DeletionLimits,
): Promise<Deletion> {
  const { counted, uncounted = [] } = await target.keysOf(items);
  const deletion = await deleteEach(db, target, counted, limits);
  if (!deletion.finished || uncounted.length === 0) return deletion;
  const { finished } = await deleteEach(db, target, uncounted, limits);
  return { ...deletion, finished };
}

/**
 * Deletes expired items, oldest first, until none is left or the deadline comes. It reads only the index entries of
 * expired items (half a read unit for 4 KB of keys), and deletes each item on the condition that it is still
 * expired. It needs no bookmark: deleted items leave the index, so the next run continues where one stopped.
 */
export async function deleteExpired(
  db: DocumentClient,
  target: CleanupTarget,
  limits: DeletionLimits,
): Promise<Deletion> {
  let removed = 0;
  for (const query of target.queries) {
    const pages = paginateQuery({ client: db, pageSize: PAGE_SIZE }, query);
    for await (const page of pages) {
      const outcome = await deletePage(db, target, page.Items ?? [], limits);
      removed += outcome.removed;
      if (outcome.removed > 0) await limits.onProgress?.(outcome.removed);
      if (!outcome.finished) return { removed, finished: false };
    }
    if (limits.clock() >= limits.deadlineMs) return { removed, finished: false };
  }
  return { removed, finished: true };
}

/** How many items a cleanup would delete now. It reads the index entries of expired items and deletes nothing. */
export async function countExpired(db: DocumentClient, target: CleanupTarget): Promise<number> {
  let count = 0;
  for (const query of target.queries) {
    for await (const { Items = [] } of paginateQuery({ client: db }, query)) {
      count += Items.reduce((sum, item) => sum + target.countOf(item), 0);
    }
  }
  return count;
}
