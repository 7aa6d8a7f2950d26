import { GetCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { DocumentClient } from "../core/document-client.ts";
import { digestSecret } from "./token-secret.ts";

export const clientSessionSchema = z.object({
  /** Table key: SHA-256 of the `Mcp-Session-Id`, hex. */
  session_digest: z.string(),
  /** Public id, in events and responses. */
  session_id: z.string(),
  oauth_client_id: z.string(),
  user_id: z.string().optional(),
  token_id: z.string().optional(),
  /** Scopes of the session. A call needs its scopes in both the session and the token. */
  scopes: z.array(z.string()),
  started_at: z.string(),
  expires_at: z.string(),
});

/** A client's session as stored in DynamoDB, with only the digest of its `Mcp-Session-Id`. */
export type ClientSession = z.output<typeof clientSessionSchema>;

/** Table of sessions. */
export interface SessionStore {
  readonly db: DocumentClient;
  readonly sessionsTable: string;
}

/** Returns the session of an `Mcp-Session-Id`, even if it has expired, or undefined if it does not exist. */
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
