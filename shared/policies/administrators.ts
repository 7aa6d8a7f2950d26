import type { ActionTarget } from "../actions/action-target.ts";
import { activeTokens, findHoldings, type HeldStore } from "../actions/hits.ts";
import { RESPOND_SCOPE } from "../authorization/required-access.ts";
import { type QueryContext, queryEvents } from "../event-store/query-events.ts";
import { type Clock, DAY_MS } from "../time/clock.ts";
import { digestOfTokenId } from "../tokens/revoke-token.ts";

/** Tokens of a holder that are looked at. One who has more is taken for an administrator. */
const LOOKED_AT = 1000;

/** Events from an address that are looked at. */
const EVENTS = 200;

/**
 * Whether an action against the target could hit somebody who may act: whose token holds `oauth:respond`, or from whose
 * address the admin routes were called within a day. A policy does no more than propose against it.
 */
export async function holdsRespondScope(
  context: HeldStore & QueryContext & { readonly clock: Clock },
  target: ActionTarget,
): Promise<boolean> {
  const nowMs = context.clock();
  const { kind, id } = target;
  if (kind === "network" || kind === "session" || kind === "all") return true;
  if (kind === "address") {
    const { events } = await queryEvents(context, {
      fromMs: nowMs - DAY_MS,
      toMs: nowMs + 1,
      ip: id,
      type: "token_used",
      limit: EVENTS,
    });
    return events.some(({ event_data }) => String(event_data.endpoint).startsWith("/admin/oauth/"));
  }
  const { holdings, more } =
    kind === "token"
      ? { holdings: [{ digest: await digestOfTokenId(context, id) }], more: false }
      : await findHoldings(context, { kind, id }, "token", { nowMs, limit: LOOKED_AT });
  const tokens = await activeTokens(context, holdings, nowMs);
  return more || tokens.some(({ scopes }) => scopes.includes(RESPOND_SCOPE));
}
