import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { allShardKeys } from "../core/shards.ts";
import { SECURITY_EVENT_TYPES } from "../events/event-types.ts";
import { addressGroup } from "../events/ip-block.ts";
import { CARRIERS } from "../events/oauth-event.ts";
import type { OriginKind } from "../events/origin.ts";
import type { StatisticsStore } from "./counter-store.ts";
import { subjectPartitions } from "./event-key.ts";
import { userOfToken, valuesInUse } from "./values-in-use.ts";

/** What the audit log can be narrowed to; all that are given must hold. */
export interface EventFilters {
  readonly type?: string | undefined;
  readonly clientId?: string | undefined;
  readonly userId?: string | undefined;
  readonly tokenId?: string | undefined;
  /** Address that the call came from, or the /64 of IPv6 addresses: `2001:db8:1:2::/64`. */
  readonly ip?: string | undefined;
  /** The country of the address, a code of ISO 3166-1. */
  readonly country?: string | undefined;
  /** The number of the autonomous system of the address. */
  readonly asn?: number | undefined;
  /** What the address is used for. */
  readonly kind?: OriginKind | undefined;
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

/** Whether a filter by address names a group of IPv6 addresses. */
export const isAddressGroup = (ip: string) => ip.includes("/");

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

/** What an index is named by. */
type Side = "time" | "type" | "client" | "user" | "token" | "ip";

/** The partitions of an index that list events of the values. */
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

/** The partitions of the table from before packs that hold what the filters ask for. */
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
 * Chooses the partitions that hold the fewest events: of the token, user, address, client, type, then
 * of all time. A client's security events are looked for among all such, which are fewer than its calls.
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
    // The events of a group of addresses are told apart by `queryEvents`.
    ...(ip !== undefined && !isAddressGroup(ip) && { "event_data.ip": [ip] }),
  };
  const without = (name: string) =>
    Object.fromEntries(Object.entries(oneOf).filter(([path]) => path !== name));
  const table = (partitions: readonly string[]): EventSource => ({
    partitionKey: "subject_shard",
    partitions,
  });
  const index = (side: Side, values: readonly string[]) => indexSource(side, values, store.config);
  // Of a user's events only some are of one token, so the filter by token or user stays.
  if (tokenId !== undefined)
    return { sources: [table(await tokenPartitions(store, tokenId))], oneOf };
  if (userId !== undefined) {
    return { sources: [table(subjectPartitions("user", userId))], oneOf: without("user_id") };
  }
  if (ip !== undefined) {
    const group = addressGroup(ip);
    const sources = [table(subjectPartitions("ip", group)), index("ip", [group])];
    // A group holds the events of all its addresses.
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
