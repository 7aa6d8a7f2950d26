import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { DeleteCommand, paginateQuery, type QueryCommandInput } from "@aws-sdk/lib-dynamodb";
import type { Clock } from "../core/clock.ts";
import type { DocumentClient } from "../core/document-client.ts";

/**
 * One kind of item that expires: the Queries that list expired items, and the condition that checks that an item has
 * expired.
 */
export interface CleanupTarget {
  readonly table: string;
  /** One Query per partition, listing expired items oldest first. */
  readonly queries: readonly QueryCommandInput[];
  /** Condition that the item is still expired. Every delete checks it. */
  readonly expired: {
    readonly condition: string;
    readonly values: Readonly<Record<string, string | number>>;
  };
  /** Returns how many records a listed item represents: one, or the number of events in a batch item. */
  readonly countEvents: (item: Record<string, unknown>) => number;
  /**
   * Returns the keys to delete for some listed items. Deletes of `counted` keys count as removed. `uncounted` keys
   * belong to items that only list other items, and are deleted last.
   */
  readonly getKeys: (items: readonly Record<string, unknown>[]) => Promise<{
    readonly counted: readonly Key[];
    readonly uncounted?: readonly Key[];
  }>;
}

/** Primary key of an item. */
export type Key = Readonly<Record<string, string>>;

/** Deadline and concurrency of a deletion. */
export interface DeletionLimits {
  readonly clock: Clock;
  /** No delete starts at or after this instant, in epoch milliseconds. */
  readonly deadlineMs: number;
  /** Maximum number of concurrent deletes. */
  readonly concurrency: number;
  /** Called after each page that removed items, with the number removed. */
  readonly onProgress?: ((removed: number) => Promise<void> | void) | undefined;
}

/** The result of a deletion. */
export interface Deletion {
  readonly removed: number;
  /** False if the deadline came first. The next run then continues with the oldest remaining items. */
  readonly finished: boolean;
}

/** Items per page. The next page is read after all items on the current page have been deleted. */
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
    // The item was renewed, or was already deleted by TTL or another run.
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** Deletes items by key with limited concurrency. No delete starts after the deadline. */
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

/**
 * Deletes the items on one page. Items that list other items are deleted last, so that a retry can still find the
 * others.
 */
async function deletePage(
  db: DocumentClient,
  target: CleanupTarget,
  items: readonly Record<string, unknown>[],
  limits: DeletionLimits,
): Promise<Deletion> {
  const { counted, uncounted = [] } = await target.getKeys(items);
  const deletion = await deleteEach(db, target, counted, limits);
  if (!deletion.finished || uncounted.length === 0) return deletion;
  const { finished } = await deleteEach(db, target, uncounted, limits);
  return { ...deletion, finished };
}

/**
 * Deletes expired items, oldest first, until none are left or the deadline passes. It reads only the index entries of
 * expired items (half a read unit per 4 KB of keys). Each delete checks that the item is still expired. Deleted items
 * disappear from the index, so the next run needs no bookmark.
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

/** Returns how many items a cleanup would delete now. It reads only the index entries of expired items. */
export async function countExpired(db: DocumentClient, target: CleanupTarget): Promise<number> {
  let count = 0;
  for (const query of target.queries) {
    for await (const { Items = [] } of paginateQuery({ client: db }, query)) {
      count += Items.reduce((sum, item) => sum + target.countEvents(item), 0);
    }
  }
  return count;
}
