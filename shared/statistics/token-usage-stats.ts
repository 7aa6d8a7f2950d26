import { readCounterShards } from "../audit-log/counter-shards.ts";
import type { MonitoringContext } from "../config/monitoring-context.ts";
import { toInstant } from "../core/clock.ts";
import { resolveRange, type TimeRange } from "../core/time-range.ts";
import { type ClientStore, findClients } from "../tokens/oauth-client.ts";
import { countTokens } from "./count-tokens.ts";
import { countEvents, type EventCounts, wholeMinutes } from "./event-buckets.ts";

/** Statistics for the tokens issued in [from, to), with their status at `as_of`. Times are UTC. */
export interface TokenUsageStats {
  readonly from: string;
  readonly to: string;
  readonly computed_at: string;
  /** When token status is determined. Equals `computed_at` unless a different instant was requested. */
  readonly as_of: string;
  /** Equals active + expired + revoked. */
  readonly total_tokens_issued: number;
  readonly active_tokens: number;
  readonly expired_tokens: number;
  /** Tokens revoked before they expired, as known at `computed_at`. */
  readonly revoked_tokens: number;
  /** Issued tokens by client name. If clients share a name, they appear as `name (client id)`. */
  readonly tokens_by_client: Readonly<Record<string, number>>;
  /** All events in the range, by type. */
  readonly events: EventCounts;
}

/** Options for `tokenUsageStats`. */
export interface StatsOptions {
  /** Restricts the statistics to this client's tokens and events. */
  readonly clientId?: string | undefined;
  /**
   * Determines token status at this instant instead of now, such as at the end of a past period. In epoch milliseconds.
   *
   * @default now
   */
  readonly asOfMs?: number | undefined;
}

/** Returns a distinct name for each client id. If several clients share a name, the id is appended. */
async function distinctNames(
  store: ClientStore,
  ids: readonly string[],
): Promise<Map<string, string>> {
  const clients = await findClients(store, ids);
  const getName = (id: string) => clients.get(id)?.client_name ?? id;
  const nameCounts = new Map<string, number>();
  for (const id of ids) nameCounts.set(getName(id), (nameCounts.get(getName(id)) ?? 0) + 1);
  return new Map(
    ids.map((id) => [
      id,
      nameCounts.get(getName(id)) === 1 ? getName(id) : `${getName(id)} (${id})`,
    ]),
  );
}

/**
 * Returns statistics for a range, by default the last 24 hours. The statistics are exact. A cleanup doesn't change
 * them, because deleted tokens stay counted.
 *
 * @example
 * ```typescript
 * const { active_tokens, events } = await tokenUsageStats(openMonitoring());
 * ```
 */
export async function tokenUsageStats(
  context: Pick<
    MonitoringContext,
    "db" | "clientsTable" | "countersTable" | "issuancesTable" | "config" | "clock"
  >,
  range?: TimeRange,
  { clientId, asOfMs }: StatsOptions = {},
): Promise<TokenUsageStats> {
  const nowMs = context.clock();
  const statusMs = asOfMs ?? nowMs;
  const { fromMs, toMs } =
    range ?? resolveRange({}, nowMs, context.config.retention.statisticsDays);
  const minutes = wholeMinutes({ fromMs, toMs });
  const shards = await readCounterShards(context, minutes.fromMs, minutes.toMs);
  const [tokens, events] = await Promise.all([
    countTokens(context, { fromMs, toMs, nowMs: statusMs }, shards),
    countEvents(context, { fromMs, toMs }, clientId, shards),
  ]);
  const issued = [...tokens].filter(
    ([id, counts]) => counts.issued > 0 && (clientId === undefined || id === clientId),
  );
  const names = await distinctNames(
    context,
    issued.map(([id]) => id),
  );
  const total = (field: "issued" | "active" | "expired" | "revoked") =>
    issued.reduce((sum, [, counts]) => sum + counts[field], 0);
  return {
    from: toInstant(fromMs),
    to: toInstant(toMs),
    computed_at: toInstant(nowMs),
    as_of: toInstant(statusMs),
    total_tokens_issued: total("issued"),
    active_tokens: total("active"),
    expired_tokens: total("expired"),
    revoked_tokens: total("revoked"),
    tokens_by_client: Object.fromEntries(
      issued
        .map(([id, counts]) => [names.get(id) ?? id, counts.issued] as const)
        .sort(([a, m], [b, n]) => n - m || a.localeCompare(b)),
    ),
    events,
  };
}
