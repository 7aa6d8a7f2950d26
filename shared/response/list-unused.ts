import type { QueryCommandInput } from "@aws-sdk/lib-dynamodb";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { toInstant } from "../core/clock.ts";
import { queryFirst } from "../core/query-all.ts";
import { LAST_INSTANT, queriesByExpiry } from "../tokens/expiry-attributes.ts";
import { type Holder, holdingQueries } from "../tokens/holdings.ts";
import { activeTokens, type HeldStore } from "./hits.ts";
import { type ListedToken, shownToken } from "./list-held.ts";

/** Maximum tokens to read per call. Costs a half or a whole read unit each, and about 40 more for their keys. */
export const MOST_LOOKED_AT = 1000;

/** Filter for unused tokens. */
export interface UnusedWanted {
  readonly nowMs: number;
  /** Only tokens issued before this time and not used since, epoch milliseconds. */
  readonly sinceMs: number;
  /** Only tokens of this user or client. */
  readonly holder?: Holder | undefined;
  /** Continues a list: only tokens that expire before this time, UTC. */
  readonly expiresBefore?: string | undefined;
}

/** A page of unused tokens. */
export interface UnusedTokens {
  /** The unused tokens of this page, longest unused first. */
  readonly items: readonly ListedToken[];
  /** Number of tokens read. */
  readonly lookedAt: number;
  /** `expiresBefore` for the next page. Absent on the last page. */
  readonly next?: string;
}

interface Key {
  readonly digest: string;
  readonly expires_at: string;
}

const latestFirst = (a: Key, b: Key) => (a.expires_at > b.expires_at ? -1 : 1);

/** Returns the queries for tokens that expire between two times. */
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
        // Sorts after every token ID with this expiry.
        ":to": `token#${toAt}#~`,
      },
    }));
  }
  return queriesByExpiry(store.config, store.tokensTable, fromAt, toAt);
}

/** Returns the first keys of a query, latest expiry first, and one more if there are more. */
async function firstKeys(store: HeldStore, query: QueryCommandInput): Promise<Key[]> {
  const latest = { ...query, ScanIndexForward: false };
  const items = await queryFirst(store.db, latest, MOST_LOOKED_AT);
  return items.map((item) => ({
    digest: String(item.digest ?? item.token_digest),
    expires_at: String(item.expires_at),
  }));
}

/**
 * Selects the keys of a page. Keeps tokens with the same expiry together, because the next page continues by expiry.
 */
function pageOf(keys: readonly Key[]): { readonly page: readonly Key[]; readonly next?: string } {
  if (keys.length <= MOST_LOOKED_AT) return { page: keys };
  const cut = keys[MOST_LOOKED_AT]?.expires_at;
  const whole = keys.slice(0, MOST_LOOKED_AT).filter(({ expires_at }) => expires_at !== cut);
  const page = whole.length > 0 ? whole : keys.slice(0, MOST_LOOKED_AT);
  const next = page.at(-1)?.expires_at;
  return { page, ...(next !== undefined && { next }) };
}

/**
 * Returns the active tokens that haven't been used since `sinceMs`, based on the last use stored with each token. Needs
 * no index and no extra write. Reads the tokens that expire last first, because only a long-lived token can be unused
 * for long. Reads at most `MOST_LOOKED_AT` tokens per call.
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
