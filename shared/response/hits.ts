import { toInstant } from "../core/clock.ts";
import { batchGetAll, queryFirst } from "../core/document-client.ts";
import { type AccessToken, accessTokenSchema, type TokenStore } from "../tokens/access-token.ts";
import {
  type ClientSession,
  clientSessionSchema,
  type SessionStore,
} from "../tokens/client-session.ts";
import {
  buildCredentialQueries,
  type Credential,
  type CredentialStore,
  credentialSchema,
  type Principal,
} from "../tokens/credentials.ts";

/** Stores for tokens, sessions, and the lists of credentials by principal. */
export type ActiveCredentialStore = TokenStore & SessionStore & CredentialStore;

/** Maximum tokens or sessions to read when counting those that an action affects. */
export const MAX_COUNTED = 1000;

/** A filter for credentials. */
export interface CredentialFilter {
  readonly nowMs: number;
  readonly limit: number;
  /** Only credentials issued or started before this time. */
  readonly startedBefore?: string | undefined;
}

/** Returns up to `limit` of a principal's unexpired tokens or sessions, in no particular order. */
export async function findCredentials(
  store: ActiveCredentialStore,
  principal: Principal,
  kind: Credential["kind"],
  { nowMs, limit, startedBefore }: CredentialFilter,
): Promise<{ readonly credentials: Credential[]; readonly more: boolean }> {
  const credentials: Credential[] = [];
  for (const query of buildCredentialQueries(store, principal, kind, {
    now: toInstant(nowMs),
    startedBefore,
  })) {
    const items = await queryFirst(store.db, query, limit - credentials.length);
    credentials.push(...items.map((item) => credentialSchema.parse(item)));
    if (credentials.length > limit) return { credentials: credentials.slice(0, limit), more: true };
  }
  return { credentials, more: false };
}

/** Reads the tokens for a list of credentials and returns those that are active. */
export async function activeTokens(
  store: TokenStore,
  credentials: readonly Pick<Credential, "digest">[],
  nowMs: number,
): Promise<AccessToken[]> {
  const keys = credentials.map(({ digest }) => ({ token_digest: digest }));
  const items = await batchGetAll(store.db, store.tokensTable, keys, { consistent: true });
  return items
    .map((item) => accessTokenSchema.parse(item))
    .filter((token) => token.revoked_at === undefined && token.expires_at > toInstant(nowMs));
}

/** Reads the sessions for a list of credentials and returns those that are active. */
export async function activeSessions(
  store: SessionStore,
  credentials: readonly Pick<Credential, "digest">[],
  nowMs: number,
): Promise<ClientSession[]> {
  const keys = credentials.map(({ digest }) => ({ session_digest: digest }));
  const items = await batchGetAll(store.db, store.sessionsTable, keys, { consistent: true });
  return items
    .map((item) => clientSessionSchema.parse(item))
    .filter((session) => session.expires_at > toInstant(nowMs));
}

/** Maximum items processed at the same time. */
const CONCURRENCY = 10;

/** Processes all items, ten at a time. */
export async function inBatches<T>(
  items: readonly T[],
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  for (let start = 0; start < items.length; start += CONCURRENCY) {
    await Promise.all(items.slice(start, start + CONCURRENCY).map(work));
  }
}
