import { keysOfListed } from "../audit-log/batch-item.ts";
import { valuesInUse } from "../audit-log/values-in-use.ts";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { DAY_MS, toInstant } from "../core/clock.ts";
import { allShardKeys, type DocumentClient } from "../core/document-client.ts";
import { expiryPartitions } from "../tokens/expiry-attributes.ts";
import type { CleanupTarget } from "./delete-expired.ts";

/** The tables and configuration that a cleanup uses. */
export interface CleanupStore {
  readonly db: DocumentClient;
  readonly tokensTable: string;
  readonly authorizationCodesTable: string;
  readonly sessionsTable: string;
  readonly eventsTable: string;
  readonly countersTable: string;
  readonly config: MonitoringConfig;
}

/** Returns the cleanup target for tokens, codes or sessions. The `by_expiry` index lists them by `expires_at`. */
function byExpiry(store: CleanupStore, table: string, key: string, nowMs: number): CleanupTarget {
  const now = toInstant(nowMs);
  return {
    table,
    queries: expiryPartitions(store.config).map((partition) => ({
      TableName: table,
      IndexName: "by_expiry",
      KeyConditionExpression: "expiry_shard = :partition AND expires_at <= :now",
      ExpressionAttributeValues: { ":partition": partition, ":now": now },
    })),
    expired: { condition: "expires_at <= :now", values: { ":now": now } },
    countEvents: () => 1,
    getKeys: async (items) => ({ counted: items.map((item) => ({ [key]: String(item[key]) })) }),
  };
}

/** Returns the cleanup target for access tokens past their `expires_at`. */
export function expiredTokens(store: CleanupStore, nowMs: number): CleanupTarget {
  return byExpiry(store, store.tokensTable, "token_digest", nowMs);
}

/** Returns the cleanup target for authorization codes past their `expires_at`. */
export function expiredAuthorizationCodes(store: CleanupStore, nowMs: number): CleanupTarget {
  return byExpiry(store, store.authorizationCodesTable, "code_digest", nowMs);
}

/** Returns the cleanup target for sessions past their `expires_at`. */
export function expiredSessions(store: CleanupStore, nowMs: number): CleanupTarget {
  return byExpiry(store, store.sessionsTable, "session_digest", nowMs);
}

/**
 * Returns the cleanup target for events that are past their retention period and that TTL, which can lag by days,
 * hasn't deleted yet. In the time index, each retention period has separate partitions, so it only reads events older
 * than that period.
 */
export async function expiredEvents(store: CleanupStore, nowMs: number): Promise<CleanupTarget> {
  const nowSeconds = Math.floor(nowMs / 1000);
  const periods = await valuesInUse(store, "retention_days");
  return {
    table: store.eventsTable,
    queries: periods.flatMap((days) =>
      allShardKeys(days, store.config.shards.events.read).map((partition) => ({
        TableName: store.eventsTable,
        IndexName: "by_time",
        KeyConditionExpression: "retention_shard = :partition AND occurred_at_id <= :oldest",
        FilterExpression: "expires_at <= :now",
        ExpressionAttributeValues: {
          ":partition": partition,
          // The sort key ends in the event's id. U+10FFFF sorts after every id.
          ":oldest": `${toInstant(nowMs - Number(days) * DAY_MS)}#\u{10FFFF}`,
          ":now": nowSeconds,
        },
      })),
    ),
    expired: { condition: "expires_at <= :now", values: { ":now": nowSeconds } },
    countEvents: ({ event_count: count }) => (typeof count === "number" ? count : 1),
    getKeys: (items) => keysOfListed(store, items),
  };
}

/** Every kind of item that a cleanup deletes, keyed by the name under which it is counted. */
export const CLEANUP_KINDS = {
  access_tokens: expiredTokens,
  authorization_codes: expiredAuthorizationCodes,
  sessions: expiredSessions,
  events: expiredEvents,
} as const;

export type CleanupKind = keyof typeof CLEANUP_KINDS;
