import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { DeleteCommand, paginateQuery, type QueryCommandInput } from "@aws-sdk/lib-dynamodb";
import type { DocumentClient } from "../dynamodb/document-client.ts";
import type { Clock } from "../time/clock.ts";

/** One kind of expiring item: where its expired ones are listed, and what expired means. */
export interface CleanupTarget {
  readonly table: string;
  /** One Query a partition; each lists the expired, oldest first. */
  readonly queries: readonly QueryCommandInput[];
  /** Holds on an item that is still expired; checked by the delete itself. */
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
  /** Deletes under way at once. */
  readonly concurrency: number;
  /** Told after each page how many went. */
  readonly onProgress?: ((removed: number) => Promise<void> | void) | undefined;
}

/** What a deletion did. */
export interface Deletion {
  readonly removed: number;
  /** False when the deadline came first; the next run goes on with the oldest that are left. */
  readonly finished: boolean;
}

/** Items listed at a time: pages are read only as their items are deleted. */
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
    // Renewed, or already gone by TTL or another run.
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** Deletes items by their keys, a bounded number at once; stops beginning new ones at the deadline. */
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

/** Deletes what a page lists; what lists others goes last, so that nothing is lost sight of. */
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
 * Deletes what is expired, oldest first, until none is left or the deadline comes. Reads only expired
 * items' index entries (half a read unit for 4 KB of keys), deletes each on the condition that it is
 * still expired, and keeps no place of its own: what is gone from the index is done, so a run that is
 * cut short is carried on by the next.
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

/** How many a cleanup would delete now: reads the index entries of the expired and deletes nothing. */
export async function countExpired(db: DocumentClient, target: CleanupTarget): Promise<number> {
  let count = 0;
  for (const query of target.queries) {
    for await (const { Items = [] } of paginateQuery({ client: db }, query)) {
      count += Items.reduce((sum, item) => sum + target.countOf(item), 0);
    }
  }
  return count;
}
