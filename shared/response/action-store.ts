import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { GetCommand, PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { DAY_MS, toEpochSeconds } from "../core/clock.ts";
import type { DocumentClient } from "../core/document-client.ts";
import { OAuthMonitoringError } from "../core/errors.ts";
import { type Action, type ActionTarget, actionSchema } from "./action.ts";

/** The DynamoDB table of actions. */
export interface ActionStore {
  readonly db: DocumentClient;
  readonly actionsTable: string;
}

/** Days that an action is kept after it was requested or, for a block, after the block ends. */
const RETENTION_DAYS = 400;

/** Thrown if someone else changed the action since it was read. */
export class ActionChangedError extends OAuthMonitoringError {
  override readonly name = "ActionChangedError";

  constructor(actionId: string) {
    super(`the action ${actionId} was changed by someone else: check its state and try again`);
  }
}

/** Thrown if no action has the ID. */
export class ActionNotFoundError extends OAuthMonitoringError {
  override readonly name = "ActionNotFoundError";

  constructor(actionId: string) {
    super(`no action has the id ${actionId}: list the actions to find the right one`);
  }
}

/** Whether any work is left: completing the action, marking more tokens, or recording that a block ended. */
function hasOpenWork({ kind, state, settled }: Action): boolean {
  if (state === "pending") return true;
  if (state !== "done") return false;
  return kind === "block" || settled !== true;
}

const keyOfTarget = ({ kind, id }: ActionTarget) => `${kind}#${id}`;

function toItem(action: Action): Record<string, unknown> {
  const endsMs = Date.parse(action.until ?? action.requested_at);
  return {
    ...action,
    target_key: keyOfTarget(action.target),
    ...(hasOpenWork(action) && { open_work: "open" }),
    ttl_epoch_seconds: toEpochSeconds(endsMs + RETENTION_DAYS * DAY_MS),
  };
}

/** Stores a new action. If an action with the same ID exists, returns that one. */
export async function insertAction(store: ActionStore, action: Action): Promise<Action> {
  try {
    await store.db.send(
      new PutCommand({
        TableName: store.actionsTable,
        Item: toItem(action),
        ConditionExpression: "attribute_not_exists(action_id)",
      }),
    );
    return action;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return findAction(store, action.action_id);
  }
}

/**
 * Replaces an action.
 *
 * @param before the action that was read
 * @throws ActionChangedError if its state has changed since it was read
 */
export async function saveAction(
  store: ActionStore,
  action: Action,
  before: Action,
): Promise<Action> {
  try {
    await store.db.send(
      new PutCommand({
        TableName: store.actionsTable,
        Item: toItem(action),
        ConditionExpression: "#state = :state",
        ExpressionAttributeNames: { "#state": "state" },
        ExpressionAttributeValues: { ":state": before.state },
      }),
    );
    return action;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) {
      throw new ActionChangedError(action.action_id);
    }
    throw error;
  }
}

/** @throws ActionNotFoundError if no action has the ID */
export async function findAction(store: ActionStore, actionId: string): Promise<Action> {
  const { Item } = await store.db.send(
    new GetCommand({
      TableName: store.actionsTable,
      Key: { action_id: actionId },
      ConsistentRead: true,
    }),
  );
  if (!Item) throw new ActionNotFoundError(actionId);
  return actionSchema.parse(Item);
}

/** Returns the actions in a state, newest first. */
export function listActionsOfState(
  store: ActionStore,
  state: Action["state"],
  limit: number,
): Promise<Action[]> {
  return newest(store, "by_state", "state", state, limit);
}

/** Returns the actions against a target, newest first. */
export function listActionsOfTarget(
  store: ActionStore,
  target: ActionTarget,
  limit: number,
): Promise<Action[]> {
  return newest(store, "by_target", "target_key", keyOfTarget(target), limit);
}

async function newest(
  store: ActionStore,
  IndexName: string,
  attribute: string,
  value: string,
  limit: number,
): Promise<Action[]> {
  const { Items = [] } = await store.db.send(
    new QueryCommand({
      TableName: store.actionsTable,
      IndexName,
      KeyConditionExpression: "#attribute = :value",
      ExpressionAttributeNames: { "#attribute": attribute },
      ExpressionAttributeValues: { ":value": value },
      ScanIndexForward: false,
      Limit: limit,
    }),
  );
  return Items.map((item) => actionSchema.parse(item));
}

/** Returns the IDs of actions that have work left, oldest first. */
export async function listOpenWork(store: ActionStore, limit: number): Promise<string[]> {
  const { Items = [] } = await store.db.send(
    new QueryCommand({
      TableName: store.actionsTable,
      IndexName: "by_open_work",
      KeyConditionExpression: "open_work = :open",
      ExpressionAttributeValues: { ":open": "open" },
      Limit: limit,
    }),
  );
  return Items.map((item) => String(item.action_id));
}
