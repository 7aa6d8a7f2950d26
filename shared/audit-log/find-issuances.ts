import { batchGetAll } from "../core/batch-get-all.ts";
import type { IssuanceStore } from "./counter-store.ts";
import { type Issuance, issuanceSchema } from "./issuance.ts";

/** Reads the issuance records of tokens by public id. The read is consistent, because a write depends on it. */
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
