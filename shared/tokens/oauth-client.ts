import * as z from "zod";
import type { DocumentClient } from "../core/document-client.ts";

export const oauthClientSchema = z.object({
  oauth_client_id: z.string(),
  client_name: z.string().optional(),
  status: z.enum(["active", "inactive"]),
  created_at: z.string(),
  /** Time of the latest `token_used` of any of its tokens. */
  last_used_at: z.string().optional(),
});

/** An OAuth client. An unregistered client, known only from events, has no name. */
export type OAuthClient = z.output<typeof oauthClientSchema>;

/** Table of clients. */
export interface ClientStore {
  readonly db: DocumentClient;
  readonly clientsTable: string;
}
