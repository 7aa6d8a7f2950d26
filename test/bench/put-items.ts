import { BatchWriteCommand } from "@aws-sdk/lib-dynamodb";
import type { DocumentClient } from "../../shared/core/document-client.ts";

/** BatchWriteItem takes 25 items a call. */
export const BATCH = 25;

/** Puts items one BatchWriteItem after another: storing with nothing counted and nothing checked. */
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
