import type { DocumentClient } from "../../shared/core/document-client.ts";
import { BATCH, putItems } from "./put-items.ts";

/** Number of concurrent batches. */
const CONCURRENCY = 4;

/** Fills a table with `count` items, which are created on demand so that a million fit into memory. */
export async function fillTable(
  db: DocumentClient,
  table: string,
  count: number,
  getItem: (index: number) => Record<string, unknown>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const start = next;
      next += BATCH;
      const size = Math.min(BATCH, count - start);
      const items = Array.from({ length: size }, (_, offset) => getItem(start + offset));
      await putItems(db, table, items);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}
