import type pg from "pg";
import { DAY_MS, HOUR_MS } from "../../../shared/core/clock.ts";
import { digestSecret } from "../../../shared/tokens/access-token.ts";

/**
 * Tables for an identity server with its own audit log, as in the original Rails design. They have the indexes that the
 * Rails migration creates (`t.references` creates one) and the indexes that token lookup and cleanup need.
 */
const TABLES = `
  CREATE TABLE oauth_clients (id uuid PRIMARY KEY, name varchar NOT NULL);
  CREATE TABLE users (id uuid PRIMARY KEY);
  CREATE TABLE oauth_access_tokens (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    oauth_client_id uuid NOT NULL REFERENCES oauth_clients,
    user_id uuid REFERENCES users,
    token_digest varchar NOT NULL,
    scopes varchar NOT NULL,
    expires_at timestamp NOT NULL,
    token_metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamp NOT NULL,
    updated_at timestamp NOT NULL
  );
  CREATE UNIQUE INDEX ON oauth_access_tokens (token_digest);
  CREATE INDEX ON oauth_access_tokens (oauth_client_id);
  CREATE INDEX ON oauth_access_tokens (user_id);
  CREATE INDEX ON oauth_access_tokens (created_at);
  CREATE INDEX ON oauth_access_tokens (expires_at);
  CREATE TABLE oauth_events (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    oauth_client_id uuid REFERENCES oauth_clients,
    user_id uuid REFERENCES users,
    event_type varchar NOT NULL,
    event_data jsonb NOT NULL DEFAULT '{}',
    created_at timestamp NOT NULL,
    updated_at timestamp NOT NULL
  );
  CREATE INDEX ON oauth_events (oauth_client_id);
  CREATE INDEX ON oauth_events (user_id);
  CREATE INDEX ON oauth_events (event_type);
  CREATE INDEX ON oauth_events (created_at);
`;

const CLIENTS = 20;
const CLIENT_ID = "lpad(to_hex($CLIENT), 32, '0')::uuid";

/** Returns the SQL for a client's UUID, derived from its number. */
const clientId = (expression: string) => CLIENT_ID.replace("$CLIENT", `(${expression})::int`);

/** Returns the SQL that converts epoch milliseconds to a UTC `timestamp`. */
const instant = (milliseconds: string) =>
  `(to_timestamp((${milliseconds}) / 1000.0) AT TIME ZONE 'UTC')`;

/** Recreates the tables and the clients. */
export async function createIdentityServer(database: pg.Client): Promise<void> {
  await database.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
  await database.query(TABLES);
  await database.query(
    `INSERT INTO oauth_clients SELECT ${clientId("n")}, 'client-' || n FROM generate_series(0, ${CLIENTS - 1}) n`,
  );
}

/** Numbered tokens. `issuedMs` and `expiresMs` are SQL expressions of the number `n`, in epoch milliseconds. */
export interface TokenRows {
  readonly first: number;
  readonly count: number;
  readonly issuedMs: string;
  readonly expiresMs: string;
}

/** Returns `count` tokens spread evenly over the 24 hours before `nowMs`, each valid for an hour. */
export function tokensOfADay(count: number, nowMs: number): TokenRows {
  const issuedMs = `floor(${nowMs - DAY_MS} + n::numeric * ${DAY_MS} / ${count})`;
  return { first: 0, count, issuedMs, expiresMs: `${issuedMs} + ${HOUR_MS}` };
}

/** Stores tokens and updates the planner's statistics. */
export async function insertTokens(database: pg.Client, rows: TokenRows): Promise<void> {
  await database.query(
    `INSERT INTO oauth_access_tokens
       (oauth_client_id, token_digest, scopes, expires_at, created_at, updated_at)
     SELECT ${clientId(`n % ${CLIENTS}`)}, encode(sha256(('token ' || n)::bytea), 'hex'), 'api:read api:write',
       ${instant(rows.expiresMs)}, ${instant(rows.issuedMs)}, ${instant(rows.issuedMs)}
     FROM generate_series($1::int, $2::int) n`,
    [rows.first, rows.first + rows.count - 1],
  );
  await database.query("VACUUM ANALYZE oauth_access_tokens");
}

/** Formats a JavaScript time as a query parameter. */
export const utc = (ms: number) => new Date(ms).toISOString().replace("Z", "");

const IN_RANGE = "FROM oauth_access_tokens WHERE created_at BETWEEN $1 AND $2";

/** Token statistics for a time range, in a form that both implementations can return. */
export interface TokenFigures {
  readonly total: number;
  readonly active: number;
  readonly expired: number;
  /** Number of issued tokens by client name. */
  readonly byClient: Readonly<Record<string, number>>;
}

/** The original design's four queries. Each takes the range; two also take the current time. */
const STATISTICS = {
  total: `SELECT count(*) ${IN_RANGE}`,
  active: `SELECT count(*) ${IN_RANGE} AND expires_at > $3`,
  expired: `SELECT count(*) ${IN_RANGE} AND expires_at <= $3`,
  byClient: `SELECT oauth_clients.name, count(*) FROM oauth_access_tokens
    JOIN oauth_clients ON oauth_clients.id = oauth_client_id
    WHERE created_at BETWEEN $1 AND $2 GROUP BY oauth_clients.name`,
} as const;

/** Runs the original design's statistics for the 24 hours before `nowMs`, one query after another. */
export async function statisticsOf(database: pg.Client, nowMs: number): Promise<TokenFigures> {
  const range = [utc(nowMs - DAY_MS), utc(nowMs)];
  const now = utc(nowMs);
  const count = async (sql: string, values: readonly string[]) =>
    Number((await database.query<{ count: string }>(sql, [...values])).rows[0]?.count);
  const total = await count(STATISTICS.total, range);
  const active = await count(STATISTICS.active, [...range, now]);
  const expired = await count(STATISTICS.expired, [...range, now]);
  const clients = await database.query<{ name: string; count: string }>(STATISTICS.byClient, range);
  const byClient = Object.fromEntries(clients.rows.map((row) => [row.name, Number(row.count)]));
  return { total, active, expired, byClient };
}

interface Plan {
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
}

/** Returns the number of 8 KB pages that the statistics read, from cache or disk. */
export async function pagesOfStatistics(database: pg.Client, nowMs: number): Promise<number> {
  const range = [utc(nowMs - DAY_MS), utc(nowMs)];
  let pages = 0;
  for (const sql of Object.values(STATISTICS)) {
    const values = sql.includes("$3") ? [...range, utc(nowMs)] : range;
    const { rows } = await database.query<{ "QUERY PLAN": [{ Plan: Plan }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`,
      values,
    );
    const plan = rows[0]?.["QUERY PLAN"][0].Plan;
    pages += (plan?.["Shared Hit Blocks"] ?? 0) + (plan?.["Shared Read Blocks"] ?? 0);
  }
  return pages;
}

const DELETE_EXPIRED = "DELETE FROM oauth_access_tokens WHERE expires_at < $1";

/** Deletes expired tokens in one statement, like the cleanup in the original design. Returns how many were deleted. */
export async function deleteExpired(database: pg.Client, nowMs: number): Promise<number> {
  const { rowCount } = await database.query(DELETE_EXPIRED, [utc(nowMs)]);
  return rowCount ?? 0;
}

/** Returns the number of rows that the DELETE locks until it ends. Rolls it back. */
export async function rowsLockedByDelete(
  database: pg.Client,
  observer: pg.Client,
  nowMs: number,
): Promise<number> {
  await observer.query("CREATE EXTENSION IF NOT EXISTS pgrowlocks");
  await database.query("BEGIN");
  await deleteExpired(database, nowMs);
  const { rows } = await observer.query<{ count: string }>(
    "SELECT count(*) FROM pgrowlocks('oauth_access_tokens')",
  );
  await database.query("ROLLBACK");
  return Number(rows[0]?.count);
}

/**
 * Tracks a call like the original design: looks up the token, stores the event and updates the last use. Uses prepared
 * statements, as Rails does.
 */
export async function presentToken(database: pg.Client, number: number): Promise<void> {
  const { rows } = await database.query<{ id: string; oauth_client_id: string }>({
    name: "find token",
    text: "SELECT * FROM oauth_access_tokens WHERE token_digest = $1 LIMIT 1",
    values: [digestSecret(`token ${number}`)],
  });
  const token = rows[0];
  if (!token) throw new Error("the token is not there");
  const data = { endpoint: "/api/customers/42/orders", method: "GET", ip: "203.0.113.195" };
  await database.query({
    name: "store event",
    text: `INSERT INTO oauth_events (oauth_client_id, event_type, event_data, created_at, updated_at)
      VALUES ($1, 'token_used', $2, now(), now())`,
    values: [token.oauth_client_id, data],
  });
  await database.query({
    name: "write last use",
    text: `UPDATE oauth_access_tokens SET updated_at = now(),
        token_metadata = token_metadata || jsonb_build_object('last_used_at', extract(epoch from now()))
      WHERE id = $1`,
    values: [token.id],
  });
}

/** Returns the number of 8 KB pages in the token table and its indexes. */
export async function tokenPages(database: pg.Client): Promise<number> {
  const { rows } = await database.query<{ pages: string }>(
    "SELECT pg_total_relation_size('oauth_access_tokens') / 8192 AS pages",
  );
  return Number(rows[0]?.pages);
}

/** Returns the number of deleted or updated rows that are not vacuumed yet. */
export async function deadTokens(database: pg.Client): Promise<number> {
  await database.query("SELECT pg_stat_force_next_flush()");
  const { rows } = await database.query<{ n_dead_tup: string }>(
    "SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'oauth_access_tokens'",
  );
  return Number(rows[0]?.n_dead_tup);
}
