import { isAdministratorRecorded } from "../authorization/administrator-records.ts";
import { RESPOND_SCOPE } from "../authorization/required-access.ts";
import type { Clock } from "../core/clock.ts";
import { digestOfTokenId } from "../tokens/revoke-token.ts";
import type { ActionTarget } from "./action-target.ts";
import { activeTokens, findHoldings, type HeldStore } from "./hits.ts";

/** Tokens of a user or client that are read. With more, it counts as an administrator's. */
const MOST_READ = 1000;

/**
 * Whether an action against the target could lock out an administrator: a token, user or client with an active token
 * that has `oauth:respond`, or an address, user or client of an authorized admin call in the last 30 days. A policy
 * only proposes actions against it.
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
