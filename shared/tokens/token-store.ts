import type { DocumentClient } from "../dynamodb/document-client.ts";

/** Where tokens are kept. */
export interface TokenStore {
  readonly db: DocumentClient;
  readonly tokensTable: string;
}
