import type { StatisticsStore } from "../counters/counter-store.ts";
import { userOfToken, valuesInUse } from "../counters/values-in-use.ts";
import { allShardKeys } from "../dynamodb/shards.ts";
import { SECURITY_EVENT_TYPES } from "../envelope/event-types.ts";
import { CARRIERS } from "../envelope/oauth-event.ts";
import { subjectPartitions } from "./event-key.ts";

/** What the audit log can be narrowed to; all that are given must hold. */
export interface EventFilters {
  readonly type?: string | undefined;
  readonly clientId?: string | undefined;
  readonly userId?: string | undefined;
  readonly tokenId?: string | undefined;
  /** Address that the call came from. */
  readonly ip?: string | undefined;
  /** Only the security event types. */
  readonly security?: boolean | undefined;
}

/** Partitions of the events table, or of one of its indexes, that hold events newest last. */
export interface EventSource {
  /** The table from before packs; without it, the events table. */
  readonly tableName?: string;
  /** The index; without it, the table. */
  readonly indexName?: string;
  readonly partitionKey: string;
  readonly partitions: readonly string[];
}

/** The partitions to merge, and what the rest of the filters ask of their events. */
export interface IndexPlan {
  readonly sources: readonly EventSource[];
  /** By the path of an attribute, the values of which it must have one. */
  readonly oneOf: Readonly<Record<string, readonly string[]>>;
}

/** The types under which events of a type are listed: its own, and the one whose events carry it. */
export function listedTypes(type: string): string[] {
  const carrier = Object.hasOwn(CARRIERS, type) ? CARRIERS[type] : undefined;
  return carrier === undefined ? [type] : [type, carrier];
}

/** The types that the filters ask for, or undefined for all. */
function typesAsked({ type, security }: EventFilters): readonly string[] | undefined {
  if (type !== undefined) return [type];
  return security ? SECURITY_EVENT_TYPES : undefined;
}

/** Where a token's events are filed: under the token, and under each user it was used for. */
export async function tokenPartitions(
  store: Pick<StatisticsStore, "db" | "countersTable">,
  tokenId: string,
): Promise<string[]> {
  const users = await valuesInUse(store, userOfToken(tokenId));
  return [
    ...subjectPartitions("token", tokenId),
    ...users.flatMap((user) => subjectPartitions("user", user)),
  ];
}

/** The partitions of the table from before packs that hold what the filters ask for. */
function previousSource(
  { type, clientId, userId, tokenId, ip, security }: EventFilters,
  shards: number,
  types: readonly string[],
  periods: readonly string[],
): Omit<EventSource, "tableName"> {
  const index = (by: string, partitionKey: string, values: readonly string[]) => ({
    indexName: `by_${by}`,
    partitionKey,
    partitions: values.flatMap((value) => allShardKeys(value, shards)),
  });
  if (tokenId !== undefined) return index("token", "token_shard", [tokenId]);
  if (userId !== undefined) return index("user", "user_shard", [userId]);
  if (ip !== undefined) return index("ip", "ip_shard", [ip]);
  if (clientId !== undefined && !security) return index("client", "client_shard", [clientId]);
  if (type !== undefined || security) return index("type", "type_shard", types);
  return index("time", "retention_shard", periods);
}

/**
 * Chooses the partitions that hold the fewest events: of the token, user, address, client, type, then
 * of all time. A client's security events are looked for among all such, which are fewer than its calls.
 */
export async function planIndex(
  store: Pick<StatisticsStore, "db" | "countersTable" | "config">,
  filters: EventFilters,
): Promise<IndexPlan> {
  const plan = await planTable(store, filters);
  const { previousEventsTable: tableName, shards } = store.config;
  if (tableName === undefined) return plan;
  const types = typesAsked(filters) ?? [];
  const periods = await valuesInUse(store, "retention_days");
  const previous = previousSource(filters, shards.events.read, types.flatMap(listedTypes), periods);
  return { ...plan, sources: [...plan.sources, { ...previous, tableName }] };
}

async function planTable(
  store: Pick<StatisticsStore, "db" | "countersTable" | "config">,
  filters: EventFilters,
): Promise<IndexPlan> {
  const shards = store.config.shards.events.read;
  const { clientId, userId, tokenId, ip, security } = filters;
  const types = typesAsked(filters);
  const oneOf: Record<string, readonly string[]> = {
    ...(types !== undefined && { event_type: types.flatMap(listedTypes) }),
    ...(clientId !== undefined && { oauth_client_id: [clientId] }),
    ...(userId !== undefined && { user_id: [userId] }),
    ...(tokenId !== undefined && { "event_data.token_id": [tokenId] }),
    ...(ip !== undefined && { "event_data.ip": [ip] }),
  };
  const without = (name: string) =>
    Object.fromEntries(Object.entries(oneOf).filter(([path]) => path !== name));
  const table = (partitions: readonly string[]): EventSource => ({
    partitionKey: "subject_shard",
    partitions,
  });
  const index = (name: string, partitionKey: string, values: readonly string[]): EventSource => ({
    indexName: name,
    partitionKey,
    partitions: values.flatMap((value) => allShardKeys(value, shards)),
  });
  // Of a user's events only some are of one token, so the filter by token or user stays.
  if (tokenId !== undefined)
    return { sources: [table(await tokenPartitions(store, tokenId))], oneOf };
  if (userId !== undefined) {
    return { sources: [table(subjectPartitions("user", userId))], oneOf: without("user_id") };
  }
  if (ip !== undefined) {
    const sources = [table(subjectPartitions("ip", ip)), index("by_ip", "ip_shard", [ip])];
    return { sources, oneOf: without("event_data.ip") };
  }
  if (clientId !== undefined && !security) {
    const sources = [index("by_client", "client_shard", [clientId])];
    return { sources, oneOf: without("oauth_client_id") };
  }
  if (types !== undefined) {
    const sources = [index("by_type", "type_shard", types.flatMap(listedTypes))];
    return { sources, oneOf: without("event_type") };
  }
  const periods = await valuesInUse(store, "retention_days");
  return { sources: [index("by_time", "retention_shard", periods)], oneOf };
}
