import { setTimeout as sleep } from "node:timers/promises";
import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import {
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { DAY_MS, toEpochSeconds, toInstant } from "../core/clock.ts";
import { queryAll } from "../core/document-client.ts";
import { IncompleteRequestError, OAuthMonitoringError } from "../core/errors.ts";
import {
  type DenyListEntry,
  type DenyListStore,
  denyListEntrySchema,
  HEAD,
  HEAD_COPIES,
  headList,
  LOG,
  MAX_DENY_LIST_ENTRIES,
  type NewDenyListEntry,
  toSeq,
} from "./deny-list-entry.ts";

/** Thrown if the deny list is full. Every adapter keeps the whole list in memory. */
export class DenyListFullError extends OAuthMonitoringError {
  override readonly name = "DenyListFullError";

  constructor() {
    super(
      `the deny list is full (${MAX_DENY_LIST_ENTRIES} blocks and revocations). Release some, or block a network instead of its addresses`,
    );
  }
}

/**
 * Days that an entry is kept after it ends. Longer than the interval at which adapters reload the list, so no adapter
 * misses a release.
 */
const RETENTION_DAYS = 2;

/** Maximum attempts to append an entry while concurrent actions keep taking the next position. */
const ATTEMPTS = 50;

/** Returns the active blocks and revocations. */
export async function listDenyListEntries(
  store: DenyListStore,
  nowMs: number,
): Promise<DenyListEntry[]> {
  const items = await queryAll(store.db, {
    TableName: store.denyListTable,
    KeyConditionExpression: "#list = :log",
    ExpressionAttributeNames: { "#list": "list" },
    ExpressionAttributeValues: { ":log": LOG },
    ConsistentRead: true,
  });
  return items
    .map((item) => denyListEntrySchema.parse(item))
    .filter((entry) => entry.effect !== "release" && Date.parse(entry.until) > nowMs);
}

/**
 * Appends an action's entry to the deny list, unless the action already has one. Every adapter applies the entry once
 * `confirmDenyListEntry` has resolved for the entry's position.
 *
 * @returns the entry's position
 * @throws DenyListFullError if the list is full. A release is always accepted.
 * @throws IncompleteRequestError if other actions took the next position on every attempt
 */
export async function appendDenyListEntry(
  store: DenyListStore,
  entry: NewDenyListEntry,
  nowMs: number,
): Promise<string> {
  if (entry.effect !== "release") {
    const entries = await listDenyListEntries(store, nowMs);
    const own = entries.find(({ action_id }) => action_id === entry.action_id);
    if (own) return own.seq;
    if (entries.length >= MAX_DENY_LIST_ENTRIES) throw new DenyListFullError();
  }
  let position = (await latestPosition(store)) + 1;
  const endsMs = entry.effect === "release" ? nowMs : Date.parse(entry.until);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const seq = toSeq(position);
    try {
      await store.db.send(
        new PutCommand({
          TableName: store.denyListTable,
          Item: {
            ...entry,
            list: LOG,
            seq,
            ttl_epoch_seconds: toEpochSeconds(endsMs + RETENTION_DAYS * DAY_MS),
          },
          ConditionExpression: "attribute_not_exists(seq)",
        }),
      );
      return seq;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      // Another action took this position. Try the next one.
      position += 1;
      await sleep(Math.random() * 5 * attempt);
    }
  }
  throw new IncompleteRequestError("too many concurrent actions. Try again");
}

/**
 * Returns the latest position in use. The newest entry may have expired and left the list, so this also reads a stored
 * copy of the latest position.
 */
async function latestPosition(store: DenyListStore): Promise<number> {
  const [{ Items = [] }, { Item }] = await Promise.all([
    store.db.send(
      new QueryCommand({
        TableName: store.denyListTable,
        KeyConditionExpression: "#list = :log",
        ExpressionAttributeNames: { "#list": "list" },
        ExpressionAttributeValues: { ":log": LOG },
        ScanIndexForward: false,
        Limit: 1,
        ConsistentRead: true,
      }),
    ),
    store.db.send(
      new GetCommand({
        TableName: store.denyListTable,
        Key: { list: headList(0), seq: HEAD },
        ConsistentRead: true,
      }),
    ),
  ]);
  return Math.max(Number(Items[0]?.seq ?? 0), Number(Item?.head_seq ?? 0));
}

/** Writes the latest position to every copy. Once this resolves, the entry applies to every new call. */
export async function confirmDenyListEntry(store: DenyListStore, seq: string): Promise<void> {
  await Promise.all(
    Array.from({ length: HEAD_COPIES }, (_, copy) =>
      store.db
        .send(
          new UpdateCommand({
            TableName: store.denyListTable,
            Key: { list: headList(copy), seq: HEAD },
            UpdateExpression: "SET head_seq = :seq",
            ConditionExpression: "attribute_not_exists(head_seq) OR head_seq < :seq",
            ExpressionAttributeValues: { ":seq": seq },
          }),
        )
        .catch((error: unknown) => {
          // Another action already published a later position.
          if (!(error instanceof ConditionalCheckFailedException)) throw error;
        }),
    ),
  );
}

/** Deletes an action's entries. A process that has cached them drops them on a release or when they expire. */
export async function removeDenyListEntries(
  store: DenyListStore,
  actionId: string,
  nowMs: number,
): Promise<void> {
  const entries = await listDenyListEntries(store, nowMs);
  await Promise.all(
    entries
      .filter(({ action_id }) => action_id === actionId)
      .map(({ seq }) =>
        store.db.send(
          new DeleteCommand({ TableName: store.denyListTable, Key: { list: LOG, seq } }),
        ),
      ),
  );
}

/**
 * Makes an action's entries end earlier. A process that has cached them keeps the old end until it reloads the list.
 */
export async function shortenDenyListEntries(
  store: DenyListStore,
  actionId: string,
  untilMs: number,
  nowMs: number,
): Promise<void> {
  const entries = await listDenyListEntries(store, nowMs);
  await Promise.all(
    entries
      .filter(
        (entry) =>
          entry.action_id === actionId &&
          entry.effect !== "release" &&
          Date.parse(entry.until) > untilMs,
      )
      .map(({ seq }) =>
        store.db.send(
          new UpdateCommand({
            TableName: store.denyListTable,
            Key: { list: LOG, seq },
            UpdateExpression: "SET #until = :until, ttl_epoch_seconds = :ttl",
            ExpressionAttributeNames: { "#until": "until" },
            ExpressionAttributeValues: {
              ":until": toInstant(untilMs),
              ":ttl": toEpochSeconds(untilMs + RETENTION_DAYS * DAY_MS),
            },
          }),
        ),
      ),
  );
}
