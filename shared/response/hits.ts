import { toInstant } from "../core/clock.ts";
import { batchGetAll, queryFirst } from "../core/document-client.ts";
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

/** Stores for tokens, sessions, and the lists of credentials by principal. */
export type HeldStore = TokenStore & SessionStore & HoldingStore;

/** Maximum tokens or sessions to read when counting those that an action affects. */
export const MOST_COUNTED = 1000;

/** A filter for credentials. */
export interface HoldingsWanted {
  readonly nowMs: number;
  readonly limit: number;
  /** Only credentials issued or started before this time. */
  readonly begunBefore?: string | undefined;
}

/** Returns up to `limit` of a principal's unexpired tokens or sessions, in no particular order. */
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

/** Reads the tokens for a list of credentials and returns those that are active. */
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

/** Reads the sessions for a list of credentials and returns those that are active. */
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

/** Maximum items processed at the same time. */
const CONCURRENCY = 10;

/** Processes all items, ten at a time. */
export async function inBatches<T>(
  items: readonly T[],
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  for (let start = 0; start < items.length; start += CONCURRENCY) {
    await Promise.all(items.slice(start, start + CONCURRENCY).map(work));
  }
}
