import { paginateQuery, type QueryCommandInput } from "@aws-sdk/lib-dynamodb";
import type { DocumentClient } from "./document-client.ts";

/** Every item of a Query, page after page. For reads whose size the key condition bounds. */
export async function queryAll(
  db: DocumentClient,
  input: QueryCommandInput,
): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  for await (const page of paginateQuery({ client: db }, input)) items.push(...(page.Items ?? []));
  return items;
}

/** The first items of a Query: more than `limit` of them if there are more, so that its caller can tell. */
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

/** The items of several bounded Queries, read side by side. */
export async function queryEach(
  db: DocumentClient,
  inputs: readonly QueryCommandInput[],
): Promise<Record<string, unknown>[]> {
  return (await Promise.all(inputs.map((input) => queryAll(db, input)))).flat();
}
