import * as z from "zod";
import type { DocumentClient } from "../core/document-client.ts";

export const oauthClientSchema = z.object({
  oauth_client_id: z.string(),
  client_name: z.string().optional(),
  status: z.enum(["active", "inactive"]),
  created_at: z.string(),
  /** The latest `token_used` of any of its tokens. */
  last_used_at: z.string().optional(),
});

/** An OAuth client. A client that only events have named is called by its id. */
export type OAuthClient = z.output<typeof oauthClientSchema>;

/** Where clients are kept. */
export interface ClientStore {
  readonly db: DocumentClient;
  readonly clientsTable: string;
}
