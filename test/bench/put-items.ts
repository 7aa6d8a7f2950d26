import { BatchWriteCommand } from "@aws-sdk/lib-dynamodb";
import type { DocumentClient } from "../../shared/core/document-client.ts";

/** BatchWriteItem accepts at most 25 items per call. */
export const BATCH = 25;

/** Stores items with one BatchWriteItem after another, without counters or checks. */
export async function putItems(
  db: DocumentClient,
  table: string,
  items: readonly Record<string, unknown>[],
): Promise<void> {
  for (let start = 0; start < items.length; start += BATCH) {
    let requests: unknown[] = items
      .slice(start, start + BATCH)
      .map((Item) => ({ PutRequest: { Item } }));
    while (requests.length > 0) {
      const RequestItems = { [table]: requests } as never;
      const { UnprocessedItems } = await db.send(new BatchWriteCommand({ RequestItems }));
      requests = UnprocessedItems?.[table] ?? [];
    }
  }
}
