import { GetCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { DocumentClient } from "../core/document-client.ts";
import { digestSecret } from "./token-secret.ts";

export const clientSessionSchema = z.object({
  /** Table key: the SHA-256 digest of the `Mcp-Session-Id` in hex. */
  session_digest: z.string(),
  /** Public ID, used in events and responses. */
  session_id: z.string(),
  oauth_client_id: z.string(),
  user_id: z.string().optional(),
  token_id: z.string().optional(),
  /** The session's scopes. Both the session and the token must have the scopes that a call requires. */
  scopes: z.array(z.string()),
  started_at: z.string(),
  expires_at: z.string(),
});

/** A client's session as stored in DynamoDB, with only the digest of its `Mcp-Session-Id`. */
export type ClientSession = z.output<typeof clientSessionSchema>;

/** The DynamoDB table of sessions. */
export interface SessionStore {
  readonly db: DocumentClient;
  readonly sessionsTable: string;
}

/** Returns the session for an `Mcp-Session-Id`, even if it has expired, or undefined if it doesn't exist. */
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
