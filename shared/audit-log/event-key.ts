import { allShardKeys, computeShard, shardKey } from "../core/document-client.ts";
import { addressGroup } from "../events/ip-network.ts";
import { getIp, getTokenId, type OAuthEvent } from "../events/oauth-event.ts";

/** Kinds of subject by which events are partitioned, in order of preference. */
export type SubjectKind = "user" | "token" | "ip" | "client" | "type";

/**
 * Shard count per subject. It isn't configurable: keys detect duplicates, so the shard count must not change while
 * events are stored. One partition takes 500 events per second (1,000 write units, two per event), so one subject takes
 * 4,000.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
 */
const SUBJECT_SHARDS = 8;

/** Returns an event's subject: its user, else its token, address (the /64 for IPv6), client or type. */
export function getSubject(event: OAuthEvent): { kind: SubjectKind; value: string } {
  const tokenId = getTokenId(event);
  const ip = getIp(event);
  if (event.user_id !== undefined) return { kind: "user", value: event.user_id };
  if (tokenId !== undefined) return { kind: "token", value: tokenId };
  if (ip !== undefined) return { kind: "ip", value: addressGroup(ip) };
  if (event.oauth_client_id !== undefined) return { kind: "client", value: event.oauth_client_id };
  return { kind: "type", value: event.event_type };
}

/** Returns the partitions that contain a subject's events. */
export function subjectPartitions(kind: SubjectKind, value: string): string[] {
  return allShardKeys(`${kind}:${value}`, SUBJECT_SHARDS);
}

/** DynamoDB key of the events table. */
export type EventKey = {
  readonly subject_shard: string;
  /** Sort key: `occurred_at#id`. */
  readonly occurred_at_id: string;
};

/** Returns an event's key, which is the same for every delivery of the event. */
export function eventKey(event: OAuthEvent): EventKey {
  const { kind, value } = getSubject(event);
  return {
    subject_shard: shardKey(`${kind}:${value}`, computeShard(event.id, SUBJECT_SHARDS)),
    occurred_at_id: getSortKey(event),
  };
}

/** Returns an event's sort key: `occurred_at#id`. */
export function getSortKey({ occurred_at, id }: Pick<OAuthEvent, "occurred_at" | "id">): string {
  return `${occurred_at}#${id}`;
}
