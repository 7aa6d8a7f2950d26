import { GetCommand, PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { DAY_MS, toEpochSeconds, toInstant } from "../core/clock.ts";
import { queryFirst } from "../core/document-client.ts";
import type { Tracking } from "../events/track-event.ts";
import { endSessionByDigest } from "../tokens/client-session.ts";
import { queriesByExpiry } from "../tokens/expiry-attributes.ts";
import { digestOfTokenId, markRevoked } from "../tokens/revoke-token.ts";
import type { Action, ActionHits, ActionTarget } from "./action.ts";
import { type ActionStore, saveAction } from "./action-store.ts";
import {
  type ActiveCredentialStore,
  activeSessions,
  activeTokens,
  findCredentials,
  inBatches,
  MAX_COUNTED,
} from "./hits.ts";

/** Stores in which all tokens and sessions can be found by expiry. */
export type ExpiryStore = ActiveCredentialStore & { readonly config: MonitoringConfig };

/** Returns the queries for all unexpired tokens or sessions, one per partition. */
const buildQueries = (store: ExpiryStore, tableName: string, nowMs: number) =>
  queriesByExpiry(store.config, tableName, toInstant(nowMs + 1));

const computeDigest = (item: Record<string, unknown>) =>
  String(item.token_digest ?? item.session_digest);

/**
 * Counts the tokens and sessions that a revocation for `all` would affect, up to `MAX_COUNTED` of each.
 *
 * @param issuedBefore counts only tokens and sessions from before this time
 */
export async function countEverything(
  store: ExpiryStore,
  nowMs: number,
  issuedBefore = toInstant(nowMs + 1),
): Promise<ActionHits> {
  const find = async (tableName: string) => {
    const queries = buildQueries(store, tableName, nowMs);
    const items = await Promise.all(
      queries.map((query) => queryFirst(store.db, query, MAX_COUNTED)),
    );
    return items.flat().map(computeDigest);
  };
  const [tokens, sessions] = await Promise.all([
    find(store.tokensTable),
    find(store.sessionsTable),
  ]);
  const first = (digests: readonly string[]) =>
    digests.slice(0, MAX_COUNTED).map((digest) => ({ digest }));
  const [hitTokens, hitSessions] = await Promise.all([
    activeTokens(store, first(tokens), nowMs),
    activeSessions(store, first(sessions), nowMs),
  ]);
  return {
    tokens: hitTokens.filter(({ issued_at }) => issued_at < issuedBefore).length,
    sessions: hitSessions.filter(({ started_at }) => started_at < issuedBefore).length,
    more: tokens.length > MAX_COUNTED || sessions.length > MAX_COUNTED,
  };
}

/** Progress of a revocation for `all`: where it resumes, as a query and a start key. */
const progressSchema = z.object({
  query: z.int(),
  start_key: z.record(z.string(), z.unknown()).optional(),
});

const progressKey = (actionId: string) => ({ action_id: `progress#${actionId}` });

/** Days that the progress is kept. */
const RETENTION_DAYS = 30;

/**
 * Marks the next tokens for an `all` revocation as revoked, or ends the next sessions. Resumes where the last call
 * stopped. The revocation is already in effect through the deny list. Marking makes it permanent and lets statistics
 * count it.
 *
 * @param limit maximum tokens or sessions to read
 * @returns the action, with `settled` set if nothing is left
 */
export async function settleEverything(
  context: Tracking & ExpiryStore & ActionStore,
  action: Action,
  limit: number,
): Promise<Action> {
  const nowMs = context.clock();
  const { Item } = await context.db.send(
    new GetCommand({ TableName: context.actionsTable, Key: progressKey(action.action_id) }),
  );
  const { query: at, start_key } = progressSchema.parse(Item ?? { query: 0 });
  const tokens = buildQueries(context, context.tokensTable, nowMs);
  const queries = [...tokens, ...buildQueries(context, context.sessionsTable, nowMs)];
  const query = queries[at];
  if (!query) return saveAction(context, { ...action, settled: true }, action);
  const { Items = [], LastEvaluatedKey } = await context.db.send(
    new QueryCommand({ ...query, Limit: limit, ExclusiveStartKey: start_key }),
  );
  const found = Items.map((item) => ({ digest: computeDigest(item) }));
  const marked =
    at < tokens.length
      ? await markTokens(context, action, found)
      : await endSessions(context, action, found);
  const next = LastEvaluatedKey ? { query: at, start_key: LastEvaluatedKey } : { query: at + 1 };
  await context.db.send(
    new PutCommand({
      TableName: context.actionsTable,
      Item: {
        ...progressKey(action.action_id),
        ...next,
        ttl_epoch_seconds: toEpochSeconds(nowMs + RETENTION_DAYS * DAY_MS),
      },
    }),
  );
  const settled = next.query >= queries.length;
  const tokens_revoked = (action.tokens_revoked ?? 0) + marked;
  return saveAction(context, { ...action, tokens_revoked, settled }, action);
}

async function markTokens(
  context: Tracking & ExpiryStore,
  { issued_before = "", done_at = "" }: Action,
  found: readonly { readonly digest: string }[],
): Promise<number> {
  const active = await activeTokens(context, found, context.clock());
  const hit = active.filter(({ issued_at }) => issued_at < issued_before);
  await inBatches(hit, ({ token_digest }) =>
    markRevoked(context, token_digest, Date.parse(done_at)),
  );
  return hit.length;
}

/** @returns 0, because sessions don't count as revoked tokens */
async function endSessions(
  context: Tracking & ExpiryStore,
  { issued_before = "" }: Action,
  found: readonly { readonly digest: string }[],
): Promise<number> {
  const active = await activeSessions(context, found, context.clock());
  const hit = active.filter(({ started_at }) => started_at < issued_before);
  await inBatches(hit, ({ session_digest }) => endSessionByDigest(context, session_digest));
  return 0;
}

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
  const options = { nowMs, limit: MAX_COUNTED, startedBefore: issuedBefore };
  const principal = { kind: target.kind, id: target.id };
  const [tokens, sessions] = await Promise.all([
    findCredentials(store, principal, "token", options),
    findCredentials(store, principal, "session", options),
  ]);
  const [hitTokens, hitSessions] = await Promise.all([
    activeTokens(store, tokens.credentials, nowMs),
    activeSessions(store, sessions.credentials, nowMs),
  ]);
  return {
    tokens: hitTokens.length,
    sessions: hitSessions.length,
    more: tokens.more || sessions.more,
  };
}
