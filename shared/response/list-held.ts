import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { toInstant } from "../core/clock.ts";
import { queryFirst } from "../core/query-all.ts";
import type { AccessToken, TokenStore } from "../tokens/access-token.ts";
import type { ClientSession } from "../tokens/client-session.ts";
import { queriesByExpiry } from "../tokens/expiry-attributes.ts";
import type { Holder } from "../tokens/holdings.ts";
import { activeSessions, activeTokens, findHoldings, type HeldStore } from "./hits.ts";

/** A token as shown to administrators, without its DynamoDB key. */
export type ListedToken = Omit<AccessToken, "token_digest" | "listed">;

/** A session as shown to administrators. */
export type ListedSession = Omit<ClientSession, "session_digest">;

/** One page of a list, and whether there are more items. */
export interface Listed<T> {
  readonly items: readonly T[];
  readonly more: boolean;
}

/** Returns a token as shown to administrators. */
export function shownToken({ token_digest: _, listed: __, ...token }: AccessToken): ListedToken {
  return token;
}

const soonestFirst = (a: { readonly expires_at: string }, b: { readonly expires_at: string }) =>
  a.expires_at < b.expires_at ? -1 : 1;

/** Returns up to `limit` of a user's or client's active tokens, soonest expiry first. */
export async function listTokensOf(
  store: HeldStore,
  holder: Holder,
  { nowMs, limit }: { readonly nowMs: number; readonly limit: number },
): Promise<Listed<ListedToken>> {
  const { holdings, more } = await findHoldings(store, holder, "token", { nowMs, limit });
  const tokens = await activeTokens(store, holdings, nowMs);
  return { items: tokens.sort(soonestFirst).map(shownToken), more };
}

/** Returns up to `limit` of a user's or client's active sessions, soonest expiry first. */
export async function listSessionsOf(
  store: HeldStore,
  holder: Holder,
  { nowMs, limit }: { readonly nowMs: number; readonly limit: number },
): Promise<Listed<ListedSession>> {
  const { holdings, more } = await findHoldings(store, holder, "session", { nowMs, limit });
  const sessions = await activeSessions(store, holdings, nowMs);
  const items = sessions.sort(soonestFirst).map(({ session_digest: _, ...session }) => session);
  return { items, more };
}

/** Returns up to `limit` active tokens that expire before `untilMs`, soonest expiry first. */
export async function listExpiringTokens(
  store: TokenStore & { readonly config: Pick<MonitoringConfig, "shards"> },
  {
    nowMs,
    untilMs,
    limit,
  }: { readonly nowMs: number; readonly untilMs: number; readonly limit: number },
): Promise<Listed<ListedToken>> {
  const queries = queriesByExpiry(
    store.config,
    store.tokensTable,
    toInstant(nowMs),
    toInstant(untilMs),
  );
  const items = await Promise.all(queries.map((query) => queryFirst(store.db, query, limit)));
  const keys = items.flat().map(({ token_digest, expires_at }) => ({
    digest: String(token_digest),
    expires_at: String(expires_at),
  }));
  const all = keys.sort(soonestFirst);
  const tokens = await activeTokens(store, all.slice(0, limit), nowMs);
  return { items: tokens.sort(soonestFirst).map(shownToken), more: all.length > limit };
}
