import { batchGetAll } from "../core/batch-get-all.ts";
import { type ClientStore, type OAuthClient, oauthClientSchema } from "./oauth-client.ts";

/** Reads clients by ID. The returned map has no entries for IDs that don't exist. */
export async function findClients(
  store: ClientStore,
  clientIds: readonly string[],
): Promise<Map<string, OAuthClient>> {
  const keys = [...new Set(clientIds)].map((id) => ({ oauth_client_id: id }));
  const items = await batchGetAll(store.db, store.clientsTable, keys);
  return new Map(
    items.map((item) => {
      const client = oauthClientSchema.parse(item);
      return [client.oauth_client_id, client];
    }),
  );
}
