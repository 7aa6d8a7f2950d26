import { paginateQuery } from "@aws-sdk/lib-dynamodb";
import { batchGetAll } from "../dynamodb/batch-get-all.ts";
import {
  type ClientSession,
  clientSessionSchema,
  type SessionStore,
} from "../sessions/client-session.ts";
import { toInstant } from "../time/clock.ts";
import { type AccessToken, accessTokenSchema, type TokenStore } from "../tokens/access-token.ts";
import {
  type Holder,
  type Holding,
  type HoldingStore,
  holdingQueries,
  holdingSchema,
} from "../tokens/holdings.ts";
import { digestOfTokenId } from "../tokens/revoke-token.ts";
import type { ActionHits } from "./action.ts";
import type { ActionTarget } from "./action-target.ts";

/** Where tokens, sessions and their lists are. */
export type HeldStore = TokenStore & SessionStore & HoldingStore;

/** The most tokens or sessions that are looked at to count what an action hits. */
const MOST_COUNTED = 1000;

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
    const pages = paginateQuery({ client: store.db }, { ...query, Limit: limit + 1 });
    for await (const { Items = [] } of pages) {
      holdings.push(...Items.map((item) => holdingSchema.parse(item)));
      if (holdings.length > limit) return { holdings: holdings.slice(0, limit), more: true };
    }
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

/**
 * Counts what an action would hit. Of an address or a network nothing is known before it calls.
 *
 * @param issuedBefore counts only what was issued before this instant
 * @throws TokenNotFoundError when the target is a token that there is not
 */
export async function countHits(
  store: HeldStore,
  target: ActionTarget,
  nowMs: number,
  issuedBefore?: string,
): Promise<ActionHits> {
  if (target.kind === "address" || target.kind === "network") {
    return { tokens: 0, sessions: 0, more: false };
  }
  if (target.kind === "token") {
    const digest = await digestOfTokenId(store, target.id);
    const tokens = await activeTokens(store, [{ digest }], nowMs);
    return { tokens: tokens.length, sessions: 0, more: false };
  }
  const options = { nowMs, limit: MOST_COUNTED, begunBefore: issuedBefore };
  const holder = { kind: target.kind, id: target.id };
  const [tokens, sessions] = await Promise.all([
    findHoldings(store, holder, "token", options),
    findHoldings(store, holder, "session", options),
  ]);
  const [hitTokens, hitSessions] = await Promise.all([
    activeTokens(store, tokens.holdings, nowMs),
    activeSessions(store, sessions.holdings, nowMs),
  ]);
  return {
    tokens: hitTokens.length,
    sessions: hitSessions.length,
    more: tokens.more || sessions.more,
  };
}
