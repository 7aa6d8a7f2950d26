import { allShardKeys, shardKey, shardOf } from "../core/shards.ts";
import { addressGroup } from "../events/ip-block.ts";
import { ipOf, type OAuthEvent, tokenIdOf } from "../events/oauth-event.ts";

/** The kinds of subject that an event may be filed under, the first that it has. */
export type SubjectKind = "user" | "token" | "ip" | "client" | "type";

/**
 * Partitions of one subject. It is no setting: the key decides whether an event was stored before, so it
 * must stay the same for as long as events are kept. A partition takes 500 events a second (1,000 write
 * units, two for each event), so a subject takes 4,000.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
 */
const SUBJECT_SHARDS = 8;

/**
 * Whom an event is about: its user, else its token, its address (the /64 of an IPv6 address), its client, or nobody but
 * its type.
 */
export function subjectOf(event: OAuthEvent): { kind: SubjectKind; value: string } {
  const tokenId = tokenIdOf(event);
  const ip = ipOf(event);
  if (event.user_id !== undefined) return { kind: "user", value: event.user_id };
  if (tokenId !== undefined) return { kind: "token", value: tokenId };
  if (ip !== undefined) return { kind: "ip", value: addressGroup(ip) };
  if (event.oauth_client_id !== undefined) return { kind: "client", value: event.oauth_client_id };
  return { kind: "type", value: event.event_type };
}

/** The partitions that hold the events of a subject. */
export function subjectPartitions(kind: SubjectKind, value: string): string[] {
  return allShardKeys(`${kind}:${value}`, SUBJECT_SHARDS);
}

/** The key of an item of the events table. */
export type EventKey = {
  readonly subject_shard: string;
  /** The place of the event in time, `occurred_at#id`. */
  readonly occurred_at_id: string;
};

/** Where an event is stored: the same for every delivery of it. */
export function eventKey(event: OAuthEvent): EventKey {
  const { kind, value } = subjectOf(event);
  return {
    subject_shard: shardKey(`${kind}:${value}`, shardOf(event.id, SUBJECT_SHARDS)),
    occurred_at_id: placeOf(event),
  };
}

/** The place of an event in time: `occurred_at#id`. */
export function placeOf({ occurred_at, id }: Pick<OAuthEvent, "occurred_at" | "id">): string {
  return `${occurred_at}#${id}`;
}
