import { setTimeout as sleep } from "node:timers/promises";
import { BatchGetCommand } from "@aws-sdk/lib-dynamodb";
import type { DocumentClient } from "./document-client.ts";
import { IncompleteRequestError } from "./oauth-monitoring-error.ts";

/** BatchGetItem accepts 100 keys per call. */
const MAX_KEYS = 100;
const MAX_ATTEMPTS = 8;

/**
 * Reads items by key. Keys must be distinct. Items are returned in any order, and keys without an item are skipped.
 * Unprocessed keys are requested again with exponential backoff, because the SDK doesn't retry them.
 *
 * @throws IncompleteRequestError if keys are still unprocessed after `maxAttempts`
 */
export async function batchGetAll(
  db: DocumentClient,
  table: string,
  keys: readonly Record<string, string>[],
  { consistent = false, maxAttempts = MAX_ATTEMPTS } = {},
): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  let waiting = [...keys];
  let attempt = 0;
  while (waiting.length > 0) {
    const { Responses, UnprocessedKeys } = await db.send(
      new BatchGetCommand({
        RequestItems: { [table]: { Keys: waiting.slice(0, MAX_KEYS), ConsistentRead: consistent } },
      }),
    );
    found.push(...(Responses?.[table] ?? []));
    const unprocessed = (UnprocessedKeys?.[table]?.Keys ?? []) as Record<string, string>[];
    if (unprocessed.length > 0) {
      attempt += 1;
      if (attempt === maxAttempts) {
        throw new IncompleteRequestError(`DynamoDB did not return all keys of ${table}. Try again`);
      }
      await sleep(25 * 2 ** attempt);
    }
    waiting = [...unprocessed, ...waiting.slice(MAX_KEYS)];
  }
  return found;
}
