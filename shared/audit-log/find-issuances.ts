import { batchGetAll } from "../core/document-client.ts";
import type { IssuanceStore } from "./counter-store.ts";
import { type Issuance, issuanceSchema } from "./issuance.ts";

/** Reads issuance records by the tokens' public ids. Uses consistent reads, because writes depend on the result. */
export async function findIssuances(
  store: IssuanceStore,
  tokenIds: readonly string[],
): Promise<Map<string, Issuance>> {
  const keys = [...new Set(tokenIds)].map((id) => ({ token_id: id }));
  const items = await batchGetAll(store.db, store.issuancesTable, keys, { consistent: true });
  return new Map(
    items.map((item) => {
      const issuance = issuanceSchema.parse(item);
      return [issuance.token_id, issuance];
    }),
  );
}
