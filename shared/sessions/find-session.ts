import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { digestSecret } from "../tokens/token-secret.ts";
import { type ClientSession, clientSessionSchema, type SessionStore } from "./client-session.ts";

/** The session whose `Mcp-Session-Id` a client sent, if there is one, expired or not. */
export async function findSession(
  store: SessionStore,
  sessionSecret: string,
): Promise<ClientSession | undefined> {
  const { Item } = await store.db.send(
    new GetCommand({
      TableName: store.sessionsTable,
      Key: { session_digest: digestSecret(sessionSecret) },
      ConsistentRead: true,
    }),
  );
  return Item && clientSessionSchema.parse(Item);
}
