import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { GetCommand, PutCommand, QueryCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { DAY_MS, toEpochSeconds } from "../core/clock.ts";
import { type DocumentClient, freeJson, queryAll } from "../core/document-client.ts";
import { OAuthMonitoringError } from "../core/errors.ts";
import { type Alert, alertSchema } from "./alert.ts";

/** Access to alerts and mutes. */
export interface AlertStore {
  readonly db: DocumentClient;
  readonly alertsTable: string;
}

/** Days for which an alert is kept after it was last seen. */
const RETENTION_DAYS = 90;

/** Thrown if another run changed the alert first. That run has already done the work. */
export class AlertChangedError extends OAuthMonitoringError {
  override readonly name = "AlertChangedError";

  constructor() {
    super("another run has changed the alert since it was read");
  }
}

export async function findAlert(store: AlertStore, alertId: string): Promise<Alert | undefined> {
  const { Item } = await store.db.send(
    new GetCommand({
      TableName: store.alertsTable,
      Key: { alert_id: alertId },
      ConsistentRead: true,
    }),
  );
  return Item && alertSchema.parse(Item);
}

/**
 * Saves an alert, replacing the version `before` that was read earlier.
 *
 * @throws AlertChangedError if the stored alert has changed in the meantime
 */
export async function saveAlert(
  store: AlertStore,
  alert: Alert,
  before: Alert | undefined,
): Promise<void> {
  try {
    await store.db.send(
      new PutCommand({
        TableName: store.alertsTable,
        Item: toItem(alert),
        ...(before
          ? {
              ConditionExpression:
                "event_id = :event AND detections = :detections AND #state = :state",
              ExpressionAttributeNames: { "#state": "state" },
              ExpressionAttributeValues: {
                ":event": before.event_id,
                ":detections": before.detections,
                ":state": before.state,
              },
            }
          : { ConditionExpression: "attribute_not_exists(alert_id)" }),
      }),
    );
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) throw new AlertChangedError();
    throw error;
  }
}

function toItem(alert: Alert): Record<string, unknown> {
  const keptUntilMs = Date.parse(alert.last_seen_at) + RETENTION_DAYS * DAY_MS;
  return {
    ...alert,
    // Evidence quotes events, and producers can put any keys into events.
    evidence: freeJson(alert.evidence),
    ttl_epoch_seconds: toEpochSeconds(keptUntilMs),
  };
}

/** Copies a resolved alert to a separate id so that a new alert for the same subject doesn't overwrite it. */
export async function keepResolved(store: AlertStore, alert: Alert): Promise<void> {
  const alert_id = `${alert.alert_id}#${alert.opened_at}`;
  await store.db.send(
    new PutCommand({
      TableName: store.alertsTable,
      Item: toItem({ ...alert, alert_id }),
    }),
  );
}

/** Marks an open alert as notified, even if another run has changed it. */
export async function markNotified(store: AlertStore, alert: Alert): Promise<void> {
  try {
    await store.db.send(
      new UpdateCommand({
        TableName: store.alertsTable,
        Key: { alert_id: alert.alert_id },
        UpdateExpression: "SET notified = :notified",
        ConditionExpression: "event_id = :event",
        ExpressionAttributeValues: { ":notified": true, ":event": alert.event_id },
      }),
    );
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) throw new AlertChangedError();
    throw error;
  }
}

const ofState = (store: AlertStore, state: Alert["state"]) => ({
  TableName: store.alertsTable,
  IndexName: "by_state",
  KeyConditionExpression: "#state = :state",
  ExpressionAttributeNames: { "#state": "state" },
  ExpressionAttributeValues: { ":state": state },
});

/** Returns the alerts in a state, oldest first. */
export async function listAlerts(store: AlertStore, state: Alert["state"]): Promise<Alert[]> {
  const items = await queryAll(store.db, ofState(store, state));
  return items.map((item) => alertSchema.parse(item));
}

/** Returns the resolved alerts that opened most recently, newest first. */
export async function listLatestResolved(store: AlertStore, limit: number): Promise<Alert[]> {
  const { Items = [] } = await store.db.send(
    new QueryCommand({ ...ofState(store, "resolved"), ScanIndexForward: false, Limit: limit }),
  );
  return Items.map((item) => alertSchema.parse(item));
}
