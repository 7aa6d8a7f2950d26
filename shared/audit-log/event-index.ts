import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { allShardKeys } from "../core/shards.ts";
import { SECURITY_EVENT_TYPES } from "../events/event-types.ts";
import { addressGroup } from "../events/ip-block.ts";
import { CARRIERS } from "../events/oauth-event.ts";
import type { OriginKind } from "../events/origin.ts";
import type { StatisticsStore } from "./counter-store.ts";
import { subjectPartitions } from "./event-key.ts";
import { userOfToken, valuesInUse } from "./values-in-use.ts";

/** Filters of the audit log. All given filters must match. */
export interface EventFilters {
  readonly type?: string | undefined;
  readonly clientId?: string | undefined;
  readonly userId?: string | undefined;
  readonly tokenId?: string | undefined;
  /** Caller's address, or an IPv6 /64: `2001:db8:1:2::/64`. */
  readonly ip?: string | undefined;
  /** Country of the address: an ISO 3166-1 code. */
  readonly country?: string | undefined;
  /** Autonomous system number of the address. */
  readonly asn?: number | undefined;
  /** Use of the address. */
  readonly kind?: OriginKind | undefined;
  /** Limits the query to security event types. */
  readonly security?: boolean | undefined;
}

/** Partitions of the events table or of one of its indexes, in ascending time order. */
export interface EventSource {
  /** The legacy table, which has no batch items. Defaults to the events table. */
  readonly tableName?: string;
  /** Index name. Defaults to the table itself. */
  readonly indexName?: string;
  readonly partitionKey: string;
  readonly partitions: readonly string[];
}

/** The partitions to merge, and the filters that apply to their events. */
export interface IndexPlan {
  readonly sources: readonly EventSource[];
  /** Accepted values by attribute path. */
  readonly oneOf: Readonly<Record<string, readonly string[]>>;
}

/** Returns the types under which events of a type are listed: its own, and the type of the events that include it. */
export function listedTypes(type: string): string[] {
  const carrier = Object.hasOwn(CARRIERS, type) ? CARRIERS[type] : undefined;
  return carrier === undefined ? [type] : [type, carrier];
}

/** Whether an address filter names a group of IPv6 addresses. */
export const isAddressGroup = (ip: string) => ip.includes("/");

/** Returns the types that the filters select, or undefined for all. */
function typesAsked({ type, security }: EventFilters): readonly string[] | undefined {
  if (type !== undefined) return [type];
  return security ? SECURITY_EVENT_TYPES : undefined;
}

/** Returns the partitions of a token's events: the token's own, and those of every user it was used for. */
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

/** Attribute that names an index. */
type Side = "time" | "type" | "client" | "user" | "token" | "ip";

/** Returns the index partitions that list events with the values. */
function indexSource(
  side: Side,
  values: readonly string[],
  { shards }: Pick<MonitoringConfig, "shards">,
): EventSource {
  return {
    indexName: `by_${side}`,
    partitionKey: side === "time" ? "retention_shard" : `${side}_shard`,
    partitions: values.flatMap((value) => allShardKeys(value, shards.events.read)),
  };
}

/** Returns the partitions of the legacy table that match the filters. */
async function previousSource(
  store: Pick<StatisticsStore, "db" | "countersTable" | "config">,
  filters: EventFilters,
): Promise<EventSource> {
  const { clientId, userId, tokenId, ip, security } = filters;
  const types = typesAsked(filters);
  const index = (side: Side, values: readonly string[]) => indexSource(side, values, store.config);
  if (tokenId !== undefined) return index("token", [tokenId]);
  if (userId !== undefined) return index("user", [userId]);
  if (ip !== undefined) return index("ip", [ip]);
  if (clientId !== undefined && !security) return index("client", [clientId]);
  if (types !== undefined) return index("type", types.flatMap(listedTypes));
  return index("time", await valuesInUse(store, "retention_days"));
}

/**
 * Chooses the partitions with the fewest events: by token, user, address, client, type, or else time. With `security`
 * and a client, it reads the security events of all clients, which are fewer than the client's calls.
 */
export async function planIndex(
  store: Pick<StatisticsStore, "db" | "countersTable" | "config">,
  filters: EventFilters,
): Promise<IndexPlan> {
  const plan = await planTable(store, filters);
  const { previousEventsTable: tableName } = store.config;
  if (tableName === undefined) return plan;
  const previous = await previousSource(store, filters);
  return { ...plan, sources: [...plan.sources, { ...previous, tableName }] };
}

async function planTable(
  store: Pick<StatisticsStore, "db" | "countersTable" | "config">,
  filters: EventFilters,
): Promise<IndexPlan> {
  const { clientId, userId, tokenId, ip, security } = filters;
  const types = typesAsked(filters);
  const oneOf: Record<string, readonly string[]> = {
    ...(types !== undefined && { event_type: types.flatMap(listedTypes) }),
    ...(clientId !== undefined && { oauth_client_id: [clientId] }),
    ...(userId !== undefined && { user_id: [userId] }),
    ...(tokenId !== undefined && { "event_data.token_id": [tokenId] }),
    // `queryEvents` filters the events of an address group.
    ...(ip !== undefined && !isAddressGroup(ip) && { "event_data.ip": [ip] }),
  };
  const without = (name: string) =>
    Object.fromEntries(Object.entries(oneOf).filter(([path]) => path !== name));
  const table = (partitions: readonly string[]): EventSource => ({
    partitionKey: "subject_shard",
    partitions,
  });
  const index = (side: Side, values: readonly string[]) => indexSource(side, values, store.config);
  // Only some of a user's events belong to one token, so this filter stays.
  if (tokenId !== undefined)
    return { sources: [table(await tokenPartitions(store, tokenId))], oneOf };
  if (userId !== undefined) {
    return { sources: [table(subjectPartitions("user", userId))], oneOf: without("user_id") };
  }
  if (ip !== undefined) {
    const group = addressGroup(ip);
    const sources = [table(subjectPartitions("ip", group)), index("ip", [group])];
    // A group contains the events of all its addresses.
    return { sources, oneOf: group === ip ? without("event_data.ip") : oneOf };
  }
  if (clientId !== undefined && !security) {
    const sources = [index("client", [clientId])];
    return { sources, oneOf: without("oauth_client_id") };
  }
  if (types !== undefined) {
    const sources = [index("type", types.flatMap(listedTypes))];
    return { sources, oneOf: without("event_type") };
  }
  const periods = await valuesInUse(store, "retention_days");
  return { sources: [index("time", periods)], oneOf };
}
