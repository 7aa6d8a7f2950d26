import * as z from "zod";
import type { DocumentClient } from "../core/document-client.ts";

export const oauthClientSchema = z.object({
  oauth_client_id: z.string(),
  client_name: z.string().optional(),
  status: z.enum(["active", "inactive"]),
  created_at: z.string(),
  /** When any of the client's tokens was last used, from `token_used` events. */
  last_used_at: z.string().optional(),
});

/** An OAuth client. An unregistered client, known only from events, has no name. */
export type OAuthClient = z.output<typeof oauthClientSchema>;

/** The DynamoDB table of clients. */
export interface ClientStore {
  readonly db: DocumentClient;
  readonly clientsTable: string;
}
