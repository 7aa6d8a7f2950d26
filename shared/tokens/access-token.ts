import * as z from "zod";
import type { DocumentClient } from "../core/document-client.ts";

export const accessTokenSchema = z.object({
  /** SHA-256 of the secret, hex: the table's key. */
  token_digest: z.string(),
  /** Public identifier, in events and answers. */
  token_id: z.string(),
  oauth_client_id: z.string(),
  user_id: z.string().optional(),
  scopes: z.array(z.string()),
  /** UTC, milliseconds. */
  issued_at: z.string(),
  /** UTC, milliseconds. The token is expired from this instant on. */
  expires_at: z.string(),
  revoked_at: z.string().optional(),
  /** The instant of the latest use. */
  last_used_at: z.string().optional(),
  /** The address of the latest use. */
  last_used_ip: z.string().optional(),
  /** Whether it is listed with its client and its user. */
  listed: z.boolean().optional(),
});

/** An access token as it is stored. Of the secret, only the digest is stored. */
export type AccessToken = z.output<typeof accessTokenSchema>;

/** Where tokens are kept. */
export interface TokenStore {
  readonly db: DocumentClient;
  readonly tokensTable: string;
}
