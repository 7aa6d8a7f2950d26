import { valuesInUse } from "../audit-log/values-in-use.ts";
import type { MonitoringContext } from "../config/monitoring-context.ts";
import { MINUTE_MS, toInstant } from "../core/clock.ts";
import { queryAll } from "../core/document-client.ts";
import { findClients } from "../tokens/oauth-client.ts";
import { countTokens } from "./count-tokens.ts";

/** A client as administrators see it in the client list. */
export interface ClientSummary {
  readonly oauth_client_id: string;
  readonly client_name: string;
  readonly active_tokens: number;
  readonly created_at: string;
  /** When any of the client's tokens was last used. Absent until the first use. */
  readonly last_used_at?: string;
}

/**
 * Returns the clients that were created before an instant and whose tokens haven't been used since. Clients with the
 * most active tokens come first, because they have access that they don't need.
 */
export function unusedClients(
  clients: readonly ClientSummary[],
  sinceMs: number,
): readonly ClientSummary[] {
  const since = toInstant(sinceMs);
  return clients
    .filter(({ created_at, last_used_at }) => (last_used_at ?? created_at) < since)
    .sort((a, b) => b.active_tokens - a.active_tokens);
}

/**
 * Returns active clients with their number of active tokens and last use, most recently used first. Counts tokens as
 * far back as the longest token lifetime in use, so the cost grows with those days × clients.
 *
 * @example
 * ```typescript
 * const clients = await listClients(openMonitoring());
 * ```
 */
export async function listClients(
  context: Pick<
    MonitoringContext,
    "db" | "clientsTable" | "countersTable" | "issuancesTable" | "config" | "clock"
  >,
): Promise<ClientSummary[]> {
  const nowMs = context.clock();
  const [entries, lifetimes] = await Promise.all([
    queryAll(context.db, {
      TableName: context.clientsTable,
      IndexName: "by_status",
      KeyConditionExpression: "#status = :active",
      ExpressionAttributeNames: { "#status": "status" },
      ExpressionAttributeValues: { ":active": "active" },
    }),
    valuesInUse(context, "token_lifetime", nowMs),
  ]);
  const longestMs = (Math.max(0, ...lifetimes.map(Number)) + 1) * MINUTE_MS;
  const [tokens, clients] = await Promise.all([
    countTokens(context, { fromMs: nowMs - longestMs, toMs: nowMs + MINUTE_MS, nowMs }),
    findClients(
      context,
      entries.map((entry) => String(entry.oauth_client_id)),
    ),
  ]);
  const summaries = [...clients.values()].map(
    (client): ClientSummary => ({
      oauth_client_id: client.oauth_client_id,
      client_name: client.client_name ?? client.oauth_client_id,
      active_tokens: tokens.get(client.oauth_client_id)?.active ?? 0,
      created_at: client.created_at,
      ...(client.last_used_at === undefined ? {} : { last_used_at: client.last_used_at }),
    }),
  );
  return summaries.sort(
    (a, b) =>
      (b.last_used_at ?? "").localeCompare(a.last_used_at ?? "") ||
      a.client_name.localeCompare(b.client_name),
  );
}
