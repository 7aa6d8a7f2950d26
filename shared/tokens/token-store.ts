import type { DocumentClient } from "../dynamodb/client.ts";

/** Where tokens are kept. */
export interface TokenStore {
  readonly client: DocumentClient;
  readonly tokensTable: string;
}
