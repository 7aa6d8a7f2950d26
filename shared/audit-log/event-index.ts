import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { allShardKeys } from "../core/document-client.ts";
import type { NetworkType } from "../events/ip-enrichment.ts";
import { addressGroup } from "../events/ip-network.ts";
import { CARRIERS, SECURITY_EVENT_TYPES } from "../events/oauth-event.ts";
import type { StatisticsStore } from "./counter-store.ts";
import { subjectPartitions } from "./event-key.ts";
import { userOfToken, valuesInUse } from "./values-in-use.ts";

/** Audit log filters. An event must match every given filter. */
export interface EventFilters {
  readonly type?: string | undefined;
  readonly clientId?: string | undefined;
  readonly userId?: string | undefined;
  readonly tokenId?: string | undefined;
  /** The caller's address, or an IPv6 /64: `2001:db8:1:2::/64`. */
  readonly ip?: string | undefined;
  /** ISO 3166-1 code of the country where the address is located. */
  readonly country?: string | undefined;
  /** Number of the autonomous system that the address belongs to. */
  readonly asn?: number | undefined;
  /** How the address is used, such as hosting or VPN. */
  readonly networkType?: NetworkType | undefined;
  /** Restricts the query to security event types. */
  readonly security?: boolean | undefined;
}

/** Partitions of the events table or an index. Each partition is sorted oldest first. */
export interface EventSource {
  /** Index name. Defaults to the table itself. */
  readonly indexName?: string;
  readonly partitionKey: string;
  readonly partitions: readonly string[];
}

/** The partitions to merge, and the filters to apply to the merged events. */
export interface IndexPlan {
  readonly sources: readonly EventSource[];
  /** Accepted values by attribute path. */
  readonly oneOf: Readonly<Record<string, readonly string[]>>;
}

/**
 * Returns the types under which the index lists events of a type: that type, and the type of any event that includes
 * it.
 */
function listedTypes(type: string): string[] {
  const carrier = Object.hasOwn(CARRIERS, type) ? CARRIERS[type] : undefined;
  return carrier === undefined ? [type] : [type, carrier];
}

/** Whether an address filter names an IPv6 group instead of a single address. */
export const isAddressGroup = (ip: string) => ip.includes("/");

/** Returns the types that the filters select, or undefined for all types. */
function typesAsked({ type, security }: EventFilters): readonly string[] | undefined {
  if (type !== undefined) return [type];
  return security ? SECURITY_EVENT_TYPES : undefined;
}

/**
 * Returns the partitions that contain a token's events: the token's partitions, and those of every user who used it.
 */
async function tokenPartitions(
  store: Pick<StatisticsStore, "db" | "countersTable">,
  tokenId: string,
): Promise<string[]> {
  const users = await valuesInUse(store, userOfToken(tokenId));
  return [
    ...subjectPartitions("token", tokenId),
    ...users.flatMap((user) => subjectPartitions("user", user)),
  ];
}

/** Attributes by which events are indexed. */
type Side = "time" | "type" | "client" | "ip";

/** Returns the index partitions that list events with any of these values. */
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

/**
 * Chooses the partitions with the fewest events: by token, user, address, client or type, otherwise by time. With
 * `security` and a client, it reads the security events of all clients, because there are fewer of them than calls by
 * that client.
 */
export async function planIndex(
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
    // `queryEvents` applies address group filters, because `oneOf` compares exact values.
    ...(ip !== undefined && !isAddressGroup(ip) && { "event_data.ip": [ip] }),
  };
  const without = (name: string) =>
    Object.fromEntries(Object.entries(oneOf).filter(([path]) => path !== name));
  const table = (partitions: readonly string[]): EventSource => ({
    partitionKey: "subject_shard",
    partitions,
  });
  const index = (side: Side, values: readonly string[]) => indexSource(side, values, store.config);
  // A user's partition also contains events of other tokens, so the token filter stays.
  if (tokenId !== undefined)
    return { sources: [table(await tokenPartitions(store, tokenId))], oneOf };
  if (userId !== undefined) {
    return { sources: [table(subjectPartitions("user", userId))], oneOf: without("user_id") };
  }
  if (ip !== undefined) {
    const group = addressGroup(ip);
    const sources = [table(subjectPartitions("ip", group)), index("ip", [group])];
    // An address group's partition also contains other addresses, so the filter for a single address stays.
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
