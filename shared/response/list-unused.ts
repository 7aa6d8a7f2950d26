import type { QueryCommandInput } from "@aws-sdk/lib-dynamodb";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { toInstant } from "../core/clock.ts";
import { queryFirst } from "../core/query-all.ts";
import { LAST_INSTANT, queriesByExpiry } from "../tokens/expiry-attributes.ts";
import { type Holder, holdingQueries } from "../tokens/holdings.ts";
import { activeTokens, type HeldStore } from "./hits.ts";
import { type ListedToken, shownToken } from "./list-held.ts";

/** Tokens that one call looks at: a read unit or a half each, and about 40 more for their keys. */
export const MOST_LOOKED_AT = 1000;

/** Which unused tokens are wanted. */
export interface UnusedWanted {
  readonly nowMs: number;
  /** Tokens that were issued before, and not used since, epoch milliseconds. */
  readonly sinceMs: number;
  /** Only of this user or client. */
  readonly holder?: Holder | undefined;
  /** Continues a list: only tokens that expire before this instant, UTC. */
  readonly expiresBefore?: string | undefined;
}

/** A part of the list of unused tokens. */
export interface UnusedTokens {
  /** Those among the tokens looked at that were not used, the longest unused first. */
  readonly items: readonly ListedToken[];
  /** How many tokens were looked at. */
  readonly lookedAt: number;
  /** Where the list goes on, as `expiresBefore`; absent at its end. */
  readonly next?: string;
}

interface Key {
  readonly digest: string;
  readonly expires_at: string;
}

const latestFirst = (a: Key, b: Key) => (a.expires_at > b.expires_at ? -1 : 1);

/** The Queries that list tokens that expire between two instants, each the latest first. */
function queriesOf(
  store: HeldStore & { readonly config: Pick<MonitoringConfig, "shards"> },
  holder: Holder | undefined,
  fromAt: string,
  toAt: string,
): QueryCommandInput[] {
  if (holder) {
    return holdingQueries(store, holder, "token", { now: fromAt }).map((query) => ({
      ...query,
      ConsistentRead: false,
      ExpressionAttributeValues: {
        ...query.ExpressionAttributeValues,
        // Behind every id of the instant.
        ":to": `token#${toAt}#~`,
      },
    }));
  }
  return queriesByExpiry(store.config, store.tokensTable, fromAt, toAt);
}

/** The first keys of a Query, and one more if there are more. */
async function firstKeys(store: HeldStore, query: QueryCommandInput): Promise<Key[]> {
  const latest = { ...query, ScanIndexForward: false };
  const items = await queryFirst(store.db, latest, MOST_LOOKED_AT);
  return items.map((item) => ({
    digest: String(item.digest ?? item.token_digest),
    expires_at: String(item.expires_at),
  }));
}

/** The keys to look at: never a part of those that expire at one instant, since the list goes on by the instant. */
function pageOf(keys: readonly Key[]): { readonly page: readonly Key[]; readonly next?: string } {
  if (keys.length <= MOST_LOOKED_AT) return { page: keys };
  const cut = keys[MOST_LOOKED_AT]?.expires_at;
  const whole = keys.slice(0, MOST_LOOKED_AT).filter(({ expires_at }) => expires_at !== cut);
  const page = whole.length > 0 ? whole : keys.slice(0, MOST_LOOKED_AT);
  const next = page.at(-1)?.expires_at;
  return { page, ...(next !== undefined && { next }) };
}

/**
 * The active tokens that nobody has used for a while, by the use that each token's own item notes: no index and no write
 * of its own. Those that expire last are looked at first, since only a token that lives long can be unused for long. One
 * call looks at `MOST_LOOKED_AT` tokens at most.
 */
export async function listUnusedTokens(
  store: HeldStore & { readonly config: Pick<MonitoringConfig, "shards"> },
  { nowMs, sinceMs, holder, expiresBefore }: UnusedWanted,
): Promise<UnusedTokens> {
  const toAt =
    expiresBefore === undefined ? LAST_INSTANT : toInstant(Date.parse(expiresBefore) - 1);
  const queries = queriesOf(store, holder, toInstant(nowMs), toAt);
  const keys = await Promise.all(queries.map((query) => firstKeys(store, query)));
  const { page, next } = pageOf(keys.flat().sort(latestFirst));
  const since = toInstant(sinceMs);
  const tokens = await activeTokens(store, page, nowMs);
  const usedAt = ({ last_used_at, issued_at }: ListedToken) => last_used_at ?? issued_at;
  return {
    items: tokens
      .filter((token) => token.issued_at < since && usedAt(token) < since)
      .sort((a, b) => (usedAt(a) < usedAt(b) ? -1 : 1))
      .map(shownToken),
    lookedAt: page.length,
    ...(next !== undefined && { next }),
  };
}
