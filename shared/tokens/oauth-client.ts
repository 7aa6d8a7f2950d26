import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { MonitoringContext } from "../config/monitoring-context.ts";
import { toInstant } from "../core/clock.ts";
import { batchGetAll, type DocumentClient } from "../core/document-client.ts";
import { parseInput } from "../core/errors.ts";
import { identifierSchema } from "../events/identifiers.ts";

export const oauthClientSchema = z.object({
  oauth_client_id: z.string(),
  client_name: z.string().optional(),
  status: z.enum(["active", "inactive"]),
  created_at: z.string(),
  /** When any of the client's tokens was last used, from `token_used` events. */
  last_used_at: z.string().optional(),
});

/** An OAuth client. An unregistered client, known only from events, has no name. */
export interface OAuthClient extends z.output<typeof oauthClientSchema> {}

/** The DynamoDB table of clients. */
export interface ClientStore {
  readonly db: DocumentClient;
  readonly clientsTable: string;
}

export const registerClientRequestSchema = z.strictObject({
  clientId: identifierSchema,
  name: identifierSchema,
  status: z.enum(["active", "inactive"]).default("active"),
});

/** A client to register or rename. */
export interface RegisterClientRequest extends z.input<typeof registerClientRequestSchema> {}

/**
 * Registers a client. If events have already created the client, adds the name and keeps its usage data.
 *
 * @example
 * ```typescript
 * await registerClient(openMonitoring(), { clientId: "app", name: "Mobile app" });
 * ```
 * @throws InvalidInputError if the request isn't valid
 */
export async function registerClient(
  context: Pick<MonitoringContext, "db" | "clientsTable" | "clock">,
  request: RegisterClientRequest,
): Promise<OAuthClient> {
  const parsed = parseInput(registerClientRequestSchema, "the client", request);
  const { Attributes } = await context.db.send(
    new UpdateCommand({
      TableName: context.clientsTable,
      Key: { oauth_client_id: parsed.clientId },
      UpdateExpression:
        "SET client_name = :name, #status = :status, created_at = if_not_exists(created_at, :now)",
      ExpressionAttributeNames: { "#status": "status" },
      ExpressionAttributeValues: {
        ":name": parsed.name,
        ":status": parsed.status,
        ":now": toInstant(context.clock()),
      },
      ReturnValues: "ALL_NEW",
    }),
  );
  return oauthClientSchema.parse(Attributes);
}

/** Reads clients by ID. The returned map has no entries for IDs that don't exist. */
export async function findClients(
  store: ClientStore,
  clientIds: readonly string[],
): Promise<Map<string, OAuthClient>> {
  const keys = [...new Set(clientIds)].map((id) => ({ oauth_client_id: id }));
  const items = await batchGetAll(store.db, store.clientsTable, keys);
  return new Map(
    items.map((item) => {
      const client = oauthClientSchema.parse(item);
      return [client.oauth_client_id, client];
    }),
  );
}

/**
 * Sets a client's `last_used_at` to `usedAt`, unless the stored time is later. Registers an unknown client as active.
 * Idempotent.
 */
export async function recordClientUse(
  store: ClientStore,
  clientId: string,
  usedAt: string,
): Promise<void> {
  try {
    await store.db.send(
      new UpdateCommand({
        TableName: store.clientsTable,
        Key: { oauth_client_id: clientId },
        UpdateExpression:
          "SET last_used_at = :at, #status = if_not_exists(#status, :active), created_at = if_not_exists(created_at, :at)",
        ConditionExpression: "attribute_not_exists(last_used_at) OR last_used_at < :at",
        ExpressionAttributeNames: { "#status": "status" },
        ExpressionAttributeValues: { ":at": usedAt, ":active": "active" },
      }),
    );
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
}
