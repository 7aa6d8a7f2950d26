import { batchGetAll } from "../core/batch-get-all.ts";
import { toInstant } from "../core/clock.ts";
import { queryFirst } from "../core/query-all.ts";
import { type AccessToken, accessTokenSchema, type TokenStore } from "../tokens/access-token.ts";
import {
  type ClientSession,
  clientSessionSchema,
  type SessionStore,
} from "../tokens/client-session.ts";
import {
  type Holder,
  type Holding,
  type HoldingStore,
  holdingQueries,
  holdingSchema,
} from "../tokens/holdings.ts";

/** Where tokens, sessions and their lists are. */
export type HeldStore = TokenStore & SessionStore & HoldingStore;

/** The most tokens or sessions that are looked at to count what an action hits. */
export const MOST_COUNTED = 1000;

/** Which holdings are wanted. */
export interface HoldingsWanted {
  readonly nowMs: number;
  readonly limit: number;
  /** Only what was issued or started before this instant. */
  readonly begunBefore?: string | undefined;
}

/** Up to so many of a holder's holdings of a kind that have not expired, in no order. */
export async function findHoldings(
  store: HeldStore,
  holder: Holder,
  kind: Holding["kind"],
  { nowMs, limit, begunBefore }: HoldingsWanted,
): Promise<{ readonly holdings: Holding[]; readonly more: boolean }> {
  const holdings: Holding[] = [];
  for (const query of holdingQueries(store, holder, kind, { now: toInstant(nowMs), begunBefore })) {
    const items = await queryFirst(store.db, query, limit - holdings.length);
    holdings.push(...items.map((item) => holdingSchema.parse(item)));
    if (holdings.length > limit) return { holdings: holdings.slice(0, limit), more: true };
  }
  return { holdings, more: false };
}

/** The active tokens among holdings. */
export async function activeTokens(
  store: TokenStore,
  holdings: readonly Pick<Holding, "digest">[],
  nowMs: number,
): Promise<AccessToken[]> {
  const keys = holdings.map(({ digest }) => ({ token_digest: digest }));
  const items = await batchGetAll(store.db, store.tokensTable, keys, { consistent: true });
  return items
    .map((item) => accessTokenSchema.parse(item))
    .filter((token) => token.revoked_at === undefined && token.expires_at > toInstant(nowMs));
}

/** The active sessions among holdings. */
export async function activeSessions(
  store: SessionStore,
  holdings: readonly Pick<Holding, "digest">[],
  nowMs: number,
): Promise<ClientSession[]> {
  const keys = holdings.map(({ digest }) => ({ session_digest: digest }));
  const items = await batchGetAll(store.db, store.sessionsTable, keys, { consistent: true });
  return items
    .map((item) => clientSessionSchema.parse(item))
    .filter((session) => session.expires_at > toInstant(nowMs));
}
