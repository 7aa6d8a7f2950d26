import { GetCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { DocumentClient } from "../core/document-client.ts";
import { digestSecret } from "./token-secret.ts";

export const clientSessionSchema = z.object({
  /** SHA-256 of the `Mcp-Session-Id`, hex: the table's key. */
  session_digest: z.string(),
  /** Public identifier, in events and answers. */
  session_id: z.string(),
  oauth_client_id: z.string(),
  user_id: z.string().optional(),
  token_id: z.string().optional(),
  /** The scopes of this session. A call needs its scopes in the token as well. */
  scopes: z.array(z.string()),
  started_at: z.string(),
  expires_at: z.string(),
});

/** A client's session as it is stored. Of the id that the client sends, only the digest is stored. */
export type ClientSession = z.output<typeof clientSessionSchema>;

/** Where sessions are kept. */
export interface SessionStore {
  readonly db: DocumentClient;
  readonly sessionsTable: string;
}

/** The session with the `Mcp-Session-Id` that a client sent, even if it has expired; undefined without one. */
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
