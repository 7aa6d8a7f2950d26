import type { QueryCommandInput } from "@aws-sdk/lib-dynamodb";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { toInstant } from "../core/clock.ts";
import { queryFirst } from "../core/document-client.ts";
import type { AccessToken, TokenStore } from "../tokens/access-token.ts";
import type { ClientSession } from "../tokens/client-session.ts";
import { buildCredentialQueries, type Principal } from "../tokens/credentials.ts";
import { LAST_INSTANT, queriesByExpiry } from "../tokens/expiry-attributes.ts";
import {
  type ActiveCredentialStore,
  activeSessions,
  activeTokens,
  findCredentials,
} from "./hits.ts";

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
export async function listPrincipalTokens(
  store: ActiveCredentialStore,
  principal: Principal,
  { nowMs, limit }: { readonly nowMs: number; readonly limit: number },
): Promise<Listed<ListedToken>> {
  const { credentials, more } = await findCredentials(store, principal, "token", { nowMs, limit });
  const tokens = await activeTokens(store, credentials, nowMs);
  return { items: tokens.sort(soonestFirst).map(shownToken), more };
}

/** Returns up to `limit` of a user's or client's active sessions, soonest expiry first. */
export async function listPrincipalSessions(
  store: ActiveCredentialStore,
  principal: Principal,
  { nowMs, limit }: { readonly nowMs: number; readonly limit: number },
): Promise<Listed<ListedSession>> {
  const { credentials, more } = await findCredentials(store, principal, "session", {
    nowMs,
    limit,
  });
  const sessions = await activeSessions(store, credentials, nowMs);
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

/** Maximum tokens to read per call. Each token costs one read unit, and finding the tokens costs about 40 more. */
export const MAX_EXAMINED = 1000;

/** Filter for unused tokens. */
export interface UnusedTokenFilter {
  readonly nowMs: number;
  /** Only tokens issued before this time and not used since, epoch milliseconds. */
  readonly sinceMs: number;
  /** Only tokens of this user or client. */
  readonly principal?: Principal | undefined;
  /** Only tokens that expire before this time, UTC. To get the next page, pass `next` from the previous one. */
  readonly expiresBefore?: string | undefined;
}

/** A page of unused tokens. */
export interface UnusedTokens {
  /** The unused tokens on this page, longest unused first. */
  readonly items: readonly ListedToken[];
  /** Number of tokens read. */
  readonly examined: number;
  /** `expiresBefore` for the next page. Absent on the last page. */
  readonly next?: string;
}

interface Key {
  readonly digest: string;
  readonly expires_at: string;
}

const latestFirst = (a: Key, b: Key) => (a.expires_at > b.expires_at ? -1 : 1);

/** Returns the queries for tokens that expire between two times. */
function buildQueries(
  store: ActiveCredentialStore & { readonly config: Pick<MonitoringConfig, "shards"> },
  principal: Principal | undefined,
  fromAt: string,
  toAt: string,
): QueryCommandInput[] {
  if (principal) {
    return buildCredentialQueries(store, principal, "token", { now: fromAt }).map((query) => ({
      ...query,
      ConsistentRead: false,
      ExpressionAttributeValues: {
        ...query.ExpressionAttributeValues,
        // Sorts after every token ID with this expiry.
        ":to": `token#${toAt}#~`,
      },
    }));
  }
  return queriesByExpiry(store.config, store.tokensTable, fromAt, toAt);
}

/** Returns a query's first `MAX_EXAMINED` keys, latest expiry first, and one extra key if there are more. */
async function firstKeys(store: ActiveCredentialStore, query: QueryCommandInput): Promise<Key[]> {
  const latest = { ...query, ScanIndexForward: false };
  const items = await queryFirst(store.db, latest, MAX_EXAMINED);
  return items.map((item) => ({
    digest: String(item.digest ?? item.token_digest),
    expires_at: String(item.expires_at),
  }));
}

/**
 * Selects the keys for one page. Keeps tokens with the same expiry on the same page, because the next page starts at an
 * earlier expiry.
 */
function splitPage(keys: readonly Key[]): {
  readonly page: readonly Key[];
  readonly next?: string;
} {
  if (keys.length <= MAX_EXAMINED) return { page: keys };
  const cut = keys[MAX_EXAMINED]?.expires_at;
  const complete = keys.slice(0, MAX_EXAMINED).filter(({ expires_at }) => expires_at !== cut);
  const page = complete.length > 0 ? complete : keys.slice(0, MAX_EXAMINED);
  const next = page.at(-1)?.expires_at;
  return { page, ...(next !== undefined && { next }) };
}

/**
 * Returns the active tokens that haven't been used since `sinceMs`, based on the last use stored with each token. Needs
 * no extra index or writes. Reads tokens in order of expiry, latest first, because only a long-lived token can go
 * unused for long. Reads at most `MAX_EXAMINED` tokens per call.
 */
export async function listUnusedTokens(
  store: ActiveCredentialStore & { readonly config: Pick<MonitoringConfig, "shards"> },
  { nowMs, sinceMs, principal, expiresBefore }: UnusedTokenFilter,
): Promise<UnusedTokens> {
  const toAt =
    expiresBefore === undefined ? LAST_INSTANT : toInstant(Date.parse(expiresBefore) - 1);
  const queries = buildQueries(store, principal, toInstant(nowMs), toAt);
  const keys = await Promise.all(queries.map((query) => firstKeys(store, query)));
  const { page, next } = splitPage(keys.flat().sort(latestFirst));
  const since = toInstant(sinceMs);
  const tokens = await activeTokens(store, page, nowMs);
  const usedAt = ({ last_used_at, issued_at }: ListedToken) => last_used_at ?? issued_at;
  return {
    items: tokens
      .filter((token) => token.issued_at < since && usedAt(token) < since)
      .sort((a, b) => (usedAt(a) < usedAt(b) ? -1 : 1))
      .map(shownToken),
    examined: page.length,
    ...(next !== undefined && { next }),
  };
}
