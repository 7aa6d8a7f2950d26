import { paginateQuery, type QueryCommandInput } from "@aws-sdk/lib-dynamodb";
import type { DocumentClient } from "./document-client.ts";

/**
 * Returns every item that a Query matches, across all pages. Use it only if the key condition limits the number of
 * results.
 */
export async function queryAll(
  db: DocumentClient,
  input: QueryCommandInput,
): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  for await (const page of paginateQuery({ client: db }, input)) items.push(...(page.Items ?? []));
  return items;
}

/**
 * Returns the first items that a Query matches. If there are more than `limit`, it returns more than `limit` items so
 * that the caller can tell.
 */
export async function queryFirst(
  db: DocumentClient,
  input: QueryCommandInput,
  limit: number,
): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  for await (const page of paginateQuery({ client: db }, { ...input, Limit: limit + 1 })) {
    items.push(...(page.Items ?? []));
    if (items.length > limit) break;
  }
  return items;
}

/** Runs several Queries in parallel and returns all items. The same restriction as for `queryAll` applies. */
export async function queryEach(
  db: DocumentClient,
  inputs: readonly QueryCommandInput[],
): Promise<Record<string, unknown>[]> {
  return (await Promise.all(inputs.map((input) => queryAll(db, input)))).flat();
}
