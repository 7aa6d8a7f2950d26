import type { StatisticsStore } from "../counters/counter-store.ts";
import { valuesInUse } from "../counters/values-in-use.ts";
import { allShardKeys } from "../dynamodb/shards.ts";
import { SECURITY_EVENT_TYPES } from "../envelope/event-types.ts";

/** What an audit query may narrow to; all given filters must hold. */
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

/** The partitions to merge, and what the rest of the filters ask of their events. */
export interface IndexPlan {
  readonly indexName: string;
  readonly partitionKey: string;
  readonly partitions: readonly string[];
  /** By the path of an attribute, the values of which it must have one. */
  readonly oneOf: Readonly<Record<string, readonly string[]>>;
}

/**
 * Chooses the index whose partitions hold the fewest events: token, user, address, client, type, then
 * time. A client's security events are looked for among all such, which are fewer than its calls.
 */
export async function planIndex(
  store: Pick<StatisticsStore, "db" | "countersTable" | "config">,
  filters: EventFilters,
): Promise<IndexPlan> {
  const shards = store.config.shards.events.read;
  const { type, clientId, userId, tokenId, ip, security } = filters;
  const types = type === undefined ? (security ? SECURITY_EVENT_TYPES : undefined) : [type];
  const oneOf: Record<string, readonly string[]> = {
    ...(types !== undefined && { event_type: types }),
    ...(clientId !== undefined && { oauth_client_id: [clientId] }),
    ...(userId !== undefined && { user_id: [userId] }),
    ...(ip !== undefined && { "event_data.ip": [ip] }),
  };
  const plan = (
    indexName: string,
    partitionKey: string,
    values: readonly string[],
    own?: string,
  ) => {
    const { [own ?? ""]: _, ...rest } = oneOf;
    const partitions = values.flatMap((value) => allShardKeys(value, shards));
    return { indexName, partitionKey, partitions, oneOf: rest };
  };
  if (tokenId !== undefined) return plan("by_token", "token_shard", [tokenId]);
  if (userId !== undefined) return plan("by_user", "user_shard", [userId], "user_id");
  if (ip !== undefined) return plan("by_ip", "ip_shard", [ip], "event_data.ip");
  if (clientId !== undefined && !security) {
    return plan("by_client", "client_shard", [clientId], "oauth_client_id");
  }
  if (types !== undefined) return plan("by_type", "type_shard", types, "event_type");
  return plan("by_time", "retention_shard", await valuesInUse(store, "retention_days"));
}
