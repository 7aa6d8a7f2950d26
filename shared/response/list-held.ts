import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { toInstant } from "../core/clock.ts";
import { queryFirst } from "../core/query-all.ts";
import type { AccessToken, TokenStore } from "../tokens/access-token.ts";
import type { ClientSession } from "../tokens/client-session.ts";
import { queriesByExpiry } from "../tokens/expiry-attributes.ts";
import type { Holder } from "../tokens/holdings.ts";
import { activeSessions, activeTokens, findHoldings, type HeldStore } from "./hits.ts";

/** A token as administrators see it: without the key of its item. */
export type ListedToken = Omit<AccessToken, "token_digest" | "listed">;

/** A session as administrators see it. */
export type ListedSession = Omit<ClientSession, "session_digest">;

/** A part of a list, and whether there is more. */
export interface Listed<T> {
  readonly items: readonly T[];
  readonly more: boolean;
}

/** A token as administrators see it. */
export function shownToken({ token_digest: _, listed: __, ...token }: AccessToken): ListedToken {
  return token;
}

const soonestFirst = (a: { readonly expires_at: string }, b: { readonly expires_at: string }) =>
  a.expires_at < b.expires_at ? -1 : 1;

/** Up to so many active tokens of a user or a client, soonest to expire first. */
export async function listTokensOf(
  store: HeldStore,
  holder: Holder,
  { nowMs, limit }: { readonly nowMs: number; readonly limit: number },
): Promise<Listed<ListedToken>> {
  const { holdings, more } = await findHoldings(store, holder, "token", { nowMs, limit });
  const tokens = await activeTokens(store, holdings, nowMs);
  return { items: tokens.sort(soonestFirst).map(shownToken), more };
}

/** Up to so many active sessions of a user or a client, soonest to expire first. */
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

/** Up to so many active tokens that expire before an instant, soonest first. */
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
