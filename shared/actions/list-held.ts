import { paginateQuery } from "@aws-sdk/lib-dynamodb";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { expiryPartitions } from "../dynamodb/expiry-attributes.ts";
import type { ClientSession } from "../sessions/client-session.ts";
import { toInstant } from "../time/clock.ts";
import type { AccessToken, TokenStore } from "../tokens/access-token.ts";
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
  const keys = await Promise.all(
    expiryPartitions(store.config).map(async (partition) => {
      const found: { digest: string; expires_at: string }[] = [];
      const pages = paginateQuery(
        { client: store.db },
        {
          TableName: store.tokensTable,
          IndexName: "by_expiry",
          KeyConditionExpression:
            "expiry_shard = :partition AND expires_at BETWEEN :now AND :until",
          ExpressionAttributeValues: {
            ":partition": partition,
            ":now": toInstant(nowMs),
            ":until": toInstant(untilMs),
          },
          Limit: limit + 1,
        },
      );
      for await (const { Items = [] } of pages) {
        for (const item of Items) {
          found.push({ digest: String(item.token_digest), expires_at: String(item.expires_at) });
        }
        if (found.length > limit) break;
      }
      return found;
    }),
  );
  const all = keys.flat().sort(soonestFirst);
  const tokens = await activeTokens(store, all.slice(0, limit), nowMs);
  return { items: tokens.sort(soonestFirst).map(shownToken), more: all.length > limit };
}
