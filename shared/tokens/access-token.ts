import * as z from "zod";
import type { DocumentClient } from "../core/document-client.ts";

export const accessTokenSchema = z.object({
  /** Table key: the secret's SHA-256 digest in hex. */
  token_digest: z.string(),
  /** Public ID, used in events and responses. */
  token_id: z.string(),
  oauth_client_id: z.string(),
  user_id: z.string().optional(),
  scopes: z.array(z.string()),
  /** UTC with milliseconds. */
  issued_at: z.string(),
  /** UTC with milliseconds. The token is expired from this instant on. */
  expires_at: z.string(),
  revoked_at: z.string().optional(),
  /** When the token was last used. */
  last_used_at: z.string().optional(),
  /** The address that last used the token. */
  last_used_ip: z.string().optional(),
  /** Whether the token is in the credential lists of its client and user. */
  listed: z.boolean().optional(),
});

/** An access token as stored in DynamoDB, with only the digest of its secret. */
export type AccessToken = z.output<typeof accessTokenSchema>;

/** The DynamoDB table of access tokens. */
export interface TokenStore {
  readonly db: DocumentClient;
  readonly tokensTable: string;
}
