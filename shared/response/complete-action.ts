import {
  appendDenyListEntry,
  confirmDenyListEntry,
  shortenDenyListEntries,
} from "../authorization/deny-list-log.ts";
import type { MonitoringContext } from "../config/monitoring-context.ts";
import { DAY_MS, toInstant } from "../core/clock.ts";
import { endSessionByDigest } from "../tokens/client-session.ts";
import { markCredentialDone, type Principal } from "../tokens/credentials.ts";
import { digestOfTokenId, markRevoked, TokenNotFoundError } from "../tokens/revoke-token.ts";
import { LONGEST_LIFETIME_MS, markPrincipalRevoked } from "../tokens/revoked-principals.ts";
import { type Action, trackAction } from "./action.ts";
import { ActionChangedError, findAction, saveAction } from "./action-store.ts";
import { findCredentials, inBatches } from "./hits.ts";

/** The properties of `MonitoringContext` that actions use. */
export type ActionContext = Pick<
  MonitoringContext,
  | "db"
  | "tokensTable"
  | "sessionsTable"
  | "credentialsTable"
  | "actionsTable"
  | "denyListTable"
  | "config"
  | "clock"
  | "sink"
>;

/** Maximum tokens and sessions to mark while the caller waits. `settleActions` marks the rest. */
const MARKED_AT_ONCE = 100;

/**
 * Days that a revocation stays in the deny list after every listed token is marked. Needed because a token that a
 * server wrote directly to the table is listed only on its first use.
 */
const RETENTION_DAYS = 30;

/**
 * Completes a `pending` action: applies it in every adapter, publishes `action_taken` and sets the state to `done`.
 * Every step is idempotent, so a retry completes an interrupted action.
 *
 * @throws any error from DynamoDB or the bus. The action then stays `pending` and may already be in effect.
 */
export async function completeAction(context: ActionContext, action: Action): Promise<Action> {
  const nowMs = context.clock();
  await applyInAdapters(context, action, nowMs);
  const done: Action = {
    ...action,
    state: "done",
    done_at: toInstant(context.clock()),
    ...(action.kind === "revoke" && {
      tokens_revoked: action.target.kind === "token" ? action.hits.tokens : 0,
      settled: action.target.kind === "token",
    }),
  };
  await trackAction(context, "action_taken", done, Date.parse(done.done_at as string));
  const saved = await saveAction(context, done, action).catch(async (error: unknown) => {
    // A concurrent retry has already completed the action.
    if (error instanceof ActionChangedError) return findAction(context, action.action_id);
    throw error;
  });
  if (saved !== done) return saved;
  // A revocation for `all` affects too many tokens to mark here. `settleActions` marks them.
  return done.kind === "revoke" && !done.settled && done.target.kind !== "all"
    ? settleRevocation(context, done, MARKED_AT_ONCE)
    : done;
}

/** Applies an action in every adapter. */
async function applyInAdapters(
  context: ActionContext,
  action: Action,
  nowMs: number,
): Promise<void> {
  const { action_id, kind, target } = action;
  if (kind === "revoke" && target.kind === "token") {
    const digest = await digestOfTokenId(context, target.id);
    if (!(await markRevoked(context, digest, nowMs))) throw new TokenNotFoundError(target.id);
    return;
  }
  const entry = { action_id, target_kind: target.kind, target_id: target.id };
  if (kind === "block" && target.kind !== "all") {
    const until = action.until as string;
    await confirmDenyListEntry(
      context,
      await appendDenyListEntry(
        context,
        { ...entry, target_kind: target.kind, effect: "block", until },
        nowMs,
      ),
    );
    return;
  }
  const issued_before = action.issued_before as string;
  const [seq] = await Promise.all([
    appendDenyListEntry(
      context,
      {
        ...entry,
        effect: "revoke",
        issued_before,
        revoked_at: toInstant(nowMs),
        until: toInstant(nowMs + LONGEST_LIFETIME_MS),
      },
      nowMs,
    ),
    // Adapters look up revocations of other issuers' tokens by principal. `all` is not a principal.
    target.kind === "all"
      ? undefined
      : markPrincipalRevoked(context, target as Principal, issued_before, nowMs),
  ]);
  await confirmDenyListEntry(context, seq);
}

/**
 * Marks up to `limit` of the tokens that a revocation affects as revoked, and ends the affected sessions. The
 * revocation is already in effect through the deny list. Marking makes it permanent and lets statistics count it.
 *
 * @returns the action, with `settled` set if nothing is left
 */
export async function settleRevocation(
  context: ActionContext,
  action: Action,
  limit: number,
): Promise<Action> {
  const nowMs = context.clock();
  const revokedAtMs = Date.parse(action.done_at ?? toInstant(nowMs));
  const principal = action.target as Principal;
  const options = { nowMs, limit, startedBefore: action.issued_before };
  const [tokens, sessions] = await Promise.all([
    findCredentials(context, principal, "token", options),
    findCredentials(context, principal, "session", options),
  ]);
  let revoked = 0;
  await inBatches(tokens.credentials, async (credential) => {
    if (await markRevoked(context, credential.digest, revokedAtMs)) revoked += 1;
    await markCredentialDone(context, credential);
  });
  await inBatches(sessions.credentials, async (credential) => {
    await endSessionByDigest(context, credential.digest);
    await markCredentialDone(context, credential);
  });
  const settled = !tokens.more && !sessions.more;
  const after: Action = {
    ...action,
    tokens_revoked: (action.tokens_revoked ?? 0) + revoked,
    settled,
  };
  if (settled) {
    await shortenDenyListEntries(context, action.action_id, nowMs + RETENTION_DAYS * DAY_MS, nowMs);
  }
  return saveAction(context, after, action);
}
