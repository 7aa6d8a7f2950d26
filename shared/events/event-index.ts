import { allShardKeys } from "../dynamodb/shards.ts";
import type { StatisticsStore } from "../statistics/statistics-store.ts";
import { valuesInUse } from "../statistics/values-in-use.ts";
import { SECURITY_EVENT_TYPES } from "./event-types.ts";

/** What an audit query may narrow to; all given filters must hold. */
export interface EventFilters {
  readonly type?: string | undefined;
  readonly clientId?: string | undefined;
  readonly userId?: string | undefined;
  readonly tokenId?: string | undefined;
  /** Only the security event types. */
  readonly security?: boolean | undefined;
}

/** The partitions to merge, and the attributes of which the rest of the filters ask a value. */
export interface IndexPlan {
  readonly indexName: string;
  readonly partitionKey: string;
  readonly partitions: readonly string[];
  readonly equals: Readonly<Record<string, string>>;
}

/** Chooses the index whose partitions hold the fewest events: token, user, client, type, then time. */
export async function planIndex(
  store: Pick<StatisticsStore, "client" | "countersTable" | "config">,
  filters: EventFilters,
): Promise<IndexPlan> {
  const shards = store.config.shards.events.read;
  const { type, clientId, userId, tokenId, security } = filters;
  const equals: Record<string, string> = {
    ...(type !== undefined && { event_type: type }),
    ...(clientId !== undefined && { oauth_client_id: clientId }),
    ...(userId !== undefined && { user_id: userId }),
  };
  const plan = (
    indexName: string,
    partitionKey: string,
    values: readonly string[],
    own?: string,
  ) => {
    const { [own ?? ""]: _, ...rest } = equals;
    const partitions = values.flatMap((value) => allShardKeys(value, shards));
    return { indexName, partitionKey, partitions, equals: rest };
  };
  if (tokenId !== undefined) return plan("by_token", "token_shard", [tokenId]);
  if (userId !== undefined) return plan("by_user", "user_shard", [userId], "user_id");
  if (clientId !== undefined)
    return plan("by_client", "client_shard", [clientId], "oauth_client_id");
  if (type !== undefined) return plan("by_type", "type_shard", [type], "event_type");
  if (security) return plan("by_type", "type_shard", SECURITY_EVENT_TYPES);
  return plan("by_time", "retention_shard", await valuesInUse(store, "retention_days"));
}
