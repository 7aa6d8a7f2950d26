import * as z from "zod";
import { retentionDays } from "../config/event-retention.ts";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { DAY_MS, toEpochSeconds, toInstant } from "../core/clock.ts";
import { computeShard, freeJson, shardKey } from "../core/document-client.ts";
import { addressGroup } from "../events/ip-network.ts";
import { getIp, isSecurityEventType, type OAuthEvent } from "../events/oauth-event.ts";
import { eventKey, getSubject } from "./event-key.ts";

export const storedEventSchema = z.object({
  id: z.string(),
  event_type: z.string(),
  occurred_at: z.string(),
  oauth_client_id: z.string().optional(),
  user_id: z.string().optional(),
  event_data: z.record(z.string(), z.unknown()),
  /** When the item was stored. */
  created_at: z.string(),
  /** When the item expires, in epoch seconds (TTL). */
  expires_at: z.number(),
});

/** The audit event as stored in DynamoDB. */
export interface StoredEvent extends z.output<typeof storedEventSchema> {}

/** Settings that affect how events are stored. */
export type StorageConfig = Pick<MonitoringConfig, "retention" | "shards" | "tracking">;

/** DynamoDB item of the events table. */
export type EventItem = Record<string, unknown> & ReturnType<typeof eventKey>;

/** Returns the storage and expiry times for an event that is stored now. */
export function getLifetime(
  eventType: string,
  config: StorageConfig,
  nowMs: number,
): Pick<StoredEvent, "created_at" | "expires_at"> {
  return {
    created_at: toInstant(nowMs),
    expires_at: toEpochSeconds(nowMs + retentionDays(config, eventType) * DAY_MS),
  };
}

/** Returns the index partitions (by time, type and client) that list an event or batch item. */
export function listingKeys(event: OAuthEvent, config: StorageConfig) {
  const shard = computeShard(event.id, config.shards.events.write);
  return {
    retention_shard: shardKey(String(retentionDays(config, event.event_type)), shard),
    type_shard: shardKey(event.event_type, shard),
    ...(event.oauth_client_id !== undefined && {
      client_shard: shardKey(event.oauth_client_id, shard),
    }),
  };
}

/**
 * Returns the item that stores an event.
 *
 * @param listed whether the indexes by time, type and client list the event itself instead of its batch item
 */
export function toEventItem(
  event: OAuthEvent,
  config: StorageConfig,
  nowMs: number,
  listed: boolean,
): EventItem {
  const ip = getIp(event);
  const filedByIp = getSubject(event).kind === "ip";
  const foundByIp =
    config.tracking.addressIndex === "all_events" || isSecurityEventType(event.event_type);
  return {
    ...eventKey(event),
    ...event,
    ...getLifetime(event.event_type, config, nowMs),
    event_data: freeJson(event.event_data),
    ...(ip !== undefined &&
      foundByIp &&
      !filedByIp && {
        ip_shard: shardKey(addressGroup(ip), computeShard(event.id, config.shards.events.write)),
      }),
    ...(listed && listingKeys(event, config)),
  };
}
