import { DeleteCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { toEpochSeconds, toInstant } from "../core/clock.ts";
import { queryAll } from "../core/document-client.ts";
import type { AlertStore } from "./alert-store.ts";

/** Mutes a client's alerts for a while, for one rule or for all rules. */
export interface Mute {
  readonly oauth_client_id: string;
  /** The muted rule. Absent if all rules are muted. */
  readonly rule?: string | undefined;
  /** UTC. */
  readonly until: string;
}

/** Mutes are stored in the alerts table under this state. */
const STATE = "mute";

const muteSchema = z
  .object({ oauth_client_id: z.string(), rule: z.string().optional(), opened_at: z.string() })
  .transform(({ opened_at, ...mute }): Mute => ({ ...mute, until: opened_at }));

const muteId = ({ oauth_client_id, rule }: Pick<Mute, "oauth_client_id" | "rule">) =>
  `${STATE}#${rule ?? "*"}#${oauth_client_id}`;

/** Mutes a client until an instant. Replaces an earlier mute for the same rule. */
export async function muteClient(store: AlertStore, mute: Mute): Promise<void> {
  await store.db.send(
    new PutCommand({
      TableName: store.alertsTable,
      Item: {
        alert_id: muteId(mute),
        state: STATE,
        oauth_client_id: mute.oauth_client_id,
        ...(mute.rule !== undefined && { rule: mute.rule }),
        // For a mute, the sort key in the `by_state` index is when the mute ends.
        opened_at: mute.until,
        ttl_epoch_seconds: toEpochSeconds(Date.parse(mute.until)),
      },
    }),
  );
}

/** Ends a mute early. */
export async function unmuteClient(
  store: AlertStore,
  mute: Pick<Mute, "oauth_client_id" | "rule">,
): Promise<void> {
  await store.db.send(
    new DeleteCommand({ TableName: store.alertsTable, Key: { alert_id: muteId(mute) } }),
  );
}

/** Returns the active mutes. */
export async function listMutes(store: AlertStore, nowMs: number): Promise<Mute[]> {
  const items = await queryAll(store.db, {
    TableName: store.alertsTable,
    IndexName: "by_state",
    KeyConditionExpression: "#state = :mute AND opened_at > :now",
    ExpressionAttributeNames: { "#state": "state" },
    ExpressionAttributeValues: { ":mute": STATE, ":now": toInstant(nowMs) },
  });
  return items.map((item) => muteSchema.parse(item));
}
