import { isAdministratorRecorded } from "../authorization/administrator-records.ts";
import { RESPOND_SCOPE } from "../authorization/required-access.ts";
import type { Clock } from "../core/clock.ts";
import { digestOfTokenId } from "../tokens/revoke-token.ts";
import type { ActionTarget } from "./action-target.ts";
import { activeTokens, findHoldings, type HeldStore } from "./hits.ts";

/** Maximum tokens to read per user or client. A user or client with more tokens counts as an administrator. */
const MOST_READ = 1000;

/**
 * Whether an action against the target could lock out an administrator. Policies only propose actions against such a
 * target.
 *
 * True for a token, user or client with an active token that has `oauth:respond`, and for an address, user or client
 * that made an authorized admin call in the last 30 days. Always true for a session, for `all`, and for a network other
 * than the /64 of an IPv6 address.
 */
export async function couldLockOutAdministrator(
  context: HeldStore & { readonly clock: Clock },
  target: ActionTarget,
): Promise<boolean> {
  const nowMs = context.clock();
  const { kind, id } = target;
  if (kind === "session" || kind === "all") return true;
  if (kind === "address" || kind === "network") {
    const isGroup = kind === "address" || id.endsWith("/64");
    return !isGroup || isAdministratorRecorded(context, { kind: "address", id }, nowMs);
  }
  if (kind !== "token" && (await isAdministratorRecorded(context, { kind, id }, nowMs)))
    return true;
  const { holdings, more } =
    kind === "token"
      ? { holdings: [{ digest: await digestOfTokenId(context, id) }], more: false }
      : await findHoldings(context, { kind, id }, "token", { nowMs, limit: MOST_READ });
  const tokens = await activeTokens(context, holdings, nowMs);
  return more || tokens.some(({ scopes }) => scopes.includes(RESPOND_SCOPE));
}
