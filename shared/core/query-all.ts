import { paginateQuery, type QueryCommandInput } from "@aws-sdk/lib-dynamodb";
import type { DocumentClient } from "./document-client.ts";

/** Returns every item of a Query, across pages. Use it only if the key condition bounds the result. */
export async function queryAll(
  db: DocumentClient,
  input: QueryCommandInput,
): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  for await (const page of paginateQuery({ client: db }, input)) items.push(...(page.Items ?? []));
  return items;
}

/**
 * Returns the first items of a Query. If more than `limit` exist, it returns more than `limit`, so the caller
 * can tell.
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

/** Runs several bounded Queries in parallel and returns all of their items. */
export async function queryEach(
  db: DocumentClient,
  inputs: readonly QueryCommandInput[],
): Promise<Record<string, unknown>[]> {
  return (await Promise.all(inputs.map((input) => queryAll(db, input)))).flat();
}
