import { digestOfTokenId } from "../tokens/revoke-token.ts";
import type { ActionHits } from "./action.ts";
import type { ActionTarget } from "./action-target.ts";
import { countEverything, type ExpiryStore } from "./everything.ts";
import { activeSessions, activeTokens, findHoldings, MOST_COUNTED } from "./hits.ts";

/**
 * Counts the active tokens and sessions that an action would affect. Returns zero for an address or a network, whose
 * future callers are unknown.
 *
 * @param issuedBefore counts only tokens and sessions from before this time
 * @throws TokenNotFoundError if the target is a token that doesn't exist
 */
export async function countHits(
  store: ExpiryStore,
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
  if (target.kind === "all") return countEverything(store, nowMs, issuedBefore);
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
