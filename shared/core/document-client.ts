import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  DynamoDBDocumentClient,
  paginateQuery,
  type QueryCommandInput,
} from "@aws-sdk/lib-dynamodb";
import { giveUpAfter } from "./aws-calls.ts";
import { IncompleteRequestError } from "./errors.ts";

/** The DynamoDB document client that every module uses. */
export type DocumentClient = DynamoDBDocumentClient;

/**
 * Timeouts and retries for a client.
 * - `call`: an API caller waits for the authorizer. Two attempts of one second.
 * - `interactive`: an admin waits for a response. Three attempts of five seconds.
 * - `background`: no one waits. Many retries, which slow down when DynamoDB throttles (the SDK's adaptive mode).
 */
export type TimeoutProfile = "call" | "interactive" | "background";

const settings: Record<TimeoutProfile, DynamoDBClientConfig> = {
  call: { maxAttempts: 2, requestHandler: giveUpAfter(1000) },
  interactive: { maxAttempts: 3, requestHandler: giveUpAfter(5000) },
  background: { maxAttempts: 8, retryMode: "adaptive", requestHandler: giveUpAfter(10_000) },
};

/** Creates the DynamoDB client. Endpoint, region and credentials come from the environment. */
export function createDocumentClient(
  timeoutProfile: TimeoutProfile,
  overrides: DynamoDBClientConfig = {},
): DocumentClient {
  return DynamoDBDocumentClient.from(
    new DynamoDBClient({ ...settings[timeoutProfile], ...overrides }),
    {
      // Reads and writes numbers as doubles, like JSON. By default, the SDK rejects or converts numbers above 2^53.
      marshallOptions: { removeUndefinedValues: true, allowImpreciseNumbers: true },
      unmarshallOptions: { wrapNumbers: Number },
    },
  );
}

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
 * Returns the first items that a Query matches. If there are more than `limit`, it returns more than `limit` items, so
 * that the caller knows.
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

/** Runs several Queries in parallel and returns all items. The limitation of `queryAll` applies. */
export async function queryEach(
  db: DocumentClient,
  inputs: readonly QueryCommandInput[],
): Promise<Record<string, unknown>[]> {
  return (await Promise.all(inputs.map((input) => queryAll(db, input)))).flat();
}

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

/** Returns the shard for a value, from 0 to `count` - 1, based on a hash. */
export function computeShard(value: string, count: number): number {
  return createHash("sha256").update(value).digest().readUInt32BE(0) % count;
}

/** Returns the partition key for one shard: `value#shard`. */
export function shardKey(value: string, shard: number): string {
  return `${value}#${shard}`;
}

/** Returns the partition keys of all shards, which a reader merges. */
export function allShardKeys(value: string, count: number): string[] {
  return Array.from({ length: count }, (_, shard) => shardKey(value, shard));
}

/**
 * Converts the objects in untrusted JSON to maps so that the JSON can be stored as a DynamoDB attribute. Otherwise the
 * SDK would mistake a member named `constructor` for an object's class.
 */
export function freeJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(freeJson);
  if (typeof value !== "object" || value === null) return value;
  return new Map(Object.entries(value).map(([key, member]) => [key, freeJson(member)]));
}
