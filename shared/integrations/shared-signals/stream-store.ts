import { createHash } from "node:crypto";
import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
} from "@aws-sdk/client-dynamodb";
import {
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
} from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { DAY_MS, toEpochSeconds } from "../../core/clock.ts";
import { type DocumentClient, queryAll } from "../../core/document-client.ts";
import { OAuthMonitoringError } from "../../core/errors.ts";
import { type SignalStream, streamSchema } from "./stream.ts";

/** The DynamoDB table of streams. */
export interface StreamStore {
  readonly db: DocumentClient;
  readonly signalsTable: string;
}

/** Thrown if someone else changed the stream since it was read. */
export class StreamChangedError extends OAuthMonitoringError {
  override readonly name = "StreamChangedError";

  constructor() {
    super("the stream was changed concurrently. Read it again");
  }
}

const LIST = "streams";
const SET = "set#";
const SUBJECT = "subject#";

/** Maximum streams across all receivers. All streams are read for every event. */
export const MAX_STREAMS = 100;
/** Maximum subjects per stream. */
export const MAX_SUBJECTS = 1000;

/** Period for which a SET's creation is remembered. Longer than the bus and the queue can redeliver an event. */
const REMEMBERED_MS = 16 * DAY_MS;

/** Returns all streams, ordered by ID. */
export async function listStreams(store: StreamStore): Promise<SignalStream[]> {
  const items = await queryAll(store.db, {
    TableName: store.signalsTable,
    KeyConditionExpression: "stream_id = :list",
    ExpressionAttributeValues: { ":list": LIST },
    ConsistentRead: true,
  });
  return items.map(({ stream }) => streamSchema.parse(stream));
}

export async function findStream(
  store: StreamStore,
  streamId: string,
): Promise<SignalStream | undefined> {
  const { Item } = await store.db.send(
    new GetCommand({
      TableName: store.signalsTable,
      Key: { stream_id: LIST, item: streamId },
      ConsistentRead: true,
    }),
  );
  return Item && streamSchema.parse(Item.stream);
}

/**
 * Stores a new stream, or replaces its previous version.
 *
 * @throws StreamChangedError if the stored version isn't the previous one
 */
export async function saveStream(store: StreamStore, stream: SignalStream): Promise<void> {
  const isNew = stream.version === 1;
  try {
    await store.db.send(
      new PutCommand({
        TableName: store.signalsTable,
        Item: { stream_id: LIST, item: stream.stream_id, version: stream.version, stream },
        ConditionExpression: isNew ? "attribute_not_exists(stream_id)" : "version = :before",
        ...(!isNew && { ExpressionAttributeValues: { ":before": stream.version - 1 } }),
      }),
    );
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) throw new StreamChangedError();
    throw error;
  }
}

async function keysUnder(store: StreamStore, streamId: string, prefix: string) {
  const items = await queryAll(store.db, {
    TableName: store.signalsTable,
    KeyConditionExpression: "stream_id = :id AND begins_with(#item, :prefix)",
    ExpressionAttributeNames: { "#item": "item" },
    ExpressionAttributeValues: { ":id": streamId, ":prefix": prefix },
    ProjectionExpression: "#item",
  });
  return items.map(({ item }) => String(item));
}

async function remove(store: StreamStore, streamId: string, item: string): Promise<void> {
  await store.db.send(
    new DeleteCommand({ TableName: store.signalsTable, Key: { stream_id: streamId, item } }),
  );
}

/** Removes all of a stream's pending SETs. */
export async function dropPending(store: StreamStore, streamId: string): Promise<void> {
  for (const item of await keysUnder(store, streamId, SET)) await remove(store, streamId, item);
}

/** Removes a stream along with its pending SETs and subjects. */
export async function deleteStream(store: StreamStore, streamId: string): Promise<void> {
  await remove(store, LIST, streamId);
  await dropPending(store, streamId);
  for (const item of await keysUnder(store, streamId, SUBJECT)) await remove(store, streamId, item);
}

/** A subject that a receiver added or removed, as the receiver sent it. */
export interface StreamSubject {
  readonly subject: unknown;
  readonly added: boolean;
}

/** Adds a subject to a stream, or removes it. */
export async function setSubject(
  store: StreamStore,
  streamId: string,
  { subject, added }: StreamSubject,
): Promise<void> {
  const digest = createHash("sha256").update(canonical(subject)).digest("hex");
  await store.db.send(
    new PutCommand({
      TableName: store.signalsTable,
      Item: {
        stream_id: streamId,
        item: `${SUBJECT}${digest}`,
        subject: canonical(subject),
        added,
      },
    }),
  );
}

/** Returns the subjects that were added to or removed from a stream. */
export async function listSubjects(store: StreamStore, streamId: string): Promise<StreamSubject[]> {
  const items = await queryAll(store.db, {
    TableName: store.signalsTable,
    KeyConditionExpression: "stream_id = :id AND begins_with(#item, :prefix)",
    ExpressionAttributeNames: { "#item": "item" },
    ExpressionAttributeValues: { ":id": streamId, ":prefix": SUBJECT },
    ConsistentRead: true,
  });
  return items.map(({ subject, added }) => ({
    subject: JSON.parse(String(subject)),
    added: added === true,
  }));
}

/** Serializes a value as JSON with sorted object members. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

/** The claims of a pending SET. */
export const pendingSetSchema = z.object({
  jti: z.string(),
  claims: z.record(z.string(), z.unknown()),
  /** Epoch milliseconds. */
  made_at_ms: z.number(),
});

/** A pending SET. It is signed on delivery. */
export type PendingSet = z.output<typeof pendingSetSchema>;

/** Returns a pending SET's sort key. SETs sort in order of creation. */
const toSortKey = ({ made_at_ms, jti }: Pick<PendingSet, "made_at_ms" | "jti">) =>
  `${SET}${String(made_at_ms).padStart(15, "0")}#${jti}`;

/**
 * Stores a SET for a stream. Stores each `jti` only once, even if the event is delivered several times.
 *
 * @param retentionDays days after which the SET is dropped
 * @returns whether the SET is new
 */
export async function storeSet(
  store: StreamStore,
  streamId: string,
  set: PendingSet,
  retentionDays: number,
): Promise<boolean> {
  const put = (item: string, more: object, untilMs: number, condition = {}) => ({
    Put: {
      TableName: store.signalsTable,
      Item: { stream_id: streamId, item, ...more, ttl_epoch_seconds: toEpochSeconds(untilMs) },
      ...condition,
    },
  });
  try {
    await store.db.send(
      new TransactWriteCommand({
        TransactItems: [
          put(`made#${set.jti}`, {}, set.made_at_ms + REMEMBERED_MS, {
            ConditionExpression: "attribute_not_exists(stream_id)",
          }),
          put(
            toSortKey(set),
            { jti: set.jti, set: JSON.stringify(set) },
            set.made_at_ms + retentionDays * DAY_MS,
          ),
        ],
      }),
    );
    return true;
  } catch (error) {
    const isKnown =
      error instanceof TransactionCanceledException &&
      error.CancellationReasons?.some(({ Code }) => Code === "ConditionalCheckFailed");
    if (isKnown) return false;
    throw error;
  }
}

const readSet = (item: Record<string, unknown>) =>
  pendingSetSchema.parse(JSON.parse(String(item.set)));

/** Returns a stream's pending SETs, oldest first, and whether there are more. */
export async function listPending(
  store: StreamStore,
  streamId: string,
  limit: number,
  nowMs: number,
): Promise<{ readonly sets: readonly PendingSet[]; readonly more: boolean }> {
  if (limit === 0) return { sets: [], more: false };
  const { Items = [], LastEvaluatedKey } = await store.db.send(
    new QueryCommand({
      TableName: store.signalsTable,
      KeyConditionExpression: "stream_id = :id AND begins_with(#item, :prefix)",
      // DynamoDB can take days to delete expired items.
      FilterExpression: "ttl_epoch_seconds > :now",
      ExpressionAttributeNames: { "#item": "item" },
      ExpressionAttributeValues: {
        ":id": streamId,
        ":prefix": SET,
        ":now": toEpochSeconds(nowMs),
      },
      Limit: limit,
      ConsistentRead: true,
    }),
  );
  return { sets: Items.map(readSet), more: LastEvaluatedKey !== undefined };
}

/** Returns a SET if it is still pending, or undefined if it was delivered, dropped or has expired. */
export async function findPending(
  store: StreamStore,
  streamId: string,
  set: Pick<PendingSet, "made_at_ms" | "jti">,
): Promise<PendingSet | undefined> {
  const { Item } = await store.db.send(
    new GetCommand({
      TableName: store.signalsTable,
      Key: { stream_id: streamId, item: toSortKey(set) },
      ConsistentRead: true,
    }),
  );
  return Item && readSet(Item);
}

/** Removes a delivered SET. */
export async function removeSet(
  store: StreamStore,
  streamId: string,
  set: Pick<PendingSet, "made_at_ms" | "jti">,
): Promise<void> {
  await remove(store, streamId, toSortKey(set));
}

/**
 * Removes the SETs that a receiver acknowledged, by `jti`. Searches the oldest SETs first, because they were sent
 * first.
 */
export async function acknowledgeSets(
  store: StreamStore,
  streamId: string,
  jtis: readonly string[],
): Promise<void> {
  const remaining = new Set(jtis);
  let after: Record<string, unknown> | undefined;
  do {
    if (remaining.size === 0) return;
    const { Items = [], LastEvaluatedKey } = await store.db.send(
      new QueryCommand({
        TableName: store.signalsTable,
        KeyConditionExpression: "stream_id = :id AND begins_with(#item, :prefix)",
        ExpressionAttributeNames: { "#item": "item" },
        ExpressionAttributeValues: { ":id": streamId, ":prefix": SET },
        ProjectionExpression: "#item",
        Limit: 200,
        ConsistentRead: true,
        ExclusiveStartKey: after,
      }),
    );
    for (const { item } of Items) {
      const jti = String(item).split("#").at(-1) ?? "";
      if (remaining.delete(jti)) await remove(store, streamId, String(item));
    }
    after = LastEvaluatedKey;
  } while (after);
}
