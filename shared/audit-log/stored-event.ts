import * as z from "zod";
import { retentionDays } from "../config/event-retention.ts";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { DAY_MS, toEpochSeconds, toInstant } from "../core/clock.ts";
import { freeJson } from "../core/free-json.ts";
import { shardKey, shardOf } from "../core/shards.ts";
import { addressGroup } from "../events/ip-block.ts";
import { ipOf, isSecurityEventType, type OAuthEvent } from "../events/oauth-event.ts";
import { eventKey, subjectOf } from "./event-key.ts";

export const storedEventSchema = z.object({
  id: z.string(),
  event_type: z.string(),
  occurred_at: z.string(),
  oauth_client_id: z.string().optional(),
  user_id: z.string().optional(),
  event_data: z.record(z.string(), z.unknown()),
  /** When it was stored. */
  created_at: z.string(),
  /** Epoch seconds from which it is gone (TTL). */
  expires_at: z.number(),
});

/** An event as it is stored and shown: the envelope, and the bounds of its life in the store. */
export type StoredEvent = z.output<typeof storedEventSchema>;

/** What storing depends on. */
export type StorageConfig = Pick<MonitoringConfig, "retention" | "shards" | "tracking">;

/** An item of the events table. */
export type EventItem = Record<string, unknown> & ReturnType<typeof eventKey>;

/** When events of a type, stored now, were stored and are gone. */
export function lifeOf(
  eventType: string,
  config: StorageConfig,
  nowMs: number,
): Pick<StoredEvent, "created_at" | "expires_at"> {
  return {
    created_at: toInstant(nowMs),
    expires_at: toEpochSeconds(nowMs + retentionDays(config, eventType) * DAY_MS),
  };
}

/** The partitions in which the indexes by time, type and client list an event, or a pack of them. */
export function listingKeys(event: OAuthEvent, config: StorageConfig) {
  const shard = shardOf(event.id, config.shards.events.write);
  return {
    retention_shard: shardKey(String(retentionDays(config, event.event_type)), shard),
    type_shard: shardKey(event.event_type, shard),
    ...(event.oauth_client_id !== undefined && {
      client_shard: shardKey(event.oauth_client_id, shard),
    }),
  };
}

/**
 * The item of an event: its fields under the key of its subject, found by its address as well.
 *
 * @param listed whether it is listed by time, type and client by itself; if not, its pack is
 */
export function toEventItem(
  event: OAuthEvent,
  config: StorageConfig,
  nowMs: number,
  listed: boolean,
): EventItem {
  const ip = ipOf(event);
  const filedByIp = subjectOf(event).kind === "ip";
  const foundByIp =
    config.tracking.addressIndex === "all_events" || isSecurityEventType(event.event_type);
  return {
    ...eventKey(event),
    ...event,
    ...lifeOf(event.event_type, config, nowMs),
    event_data: freeJson(event.event_data),
    ...(ip !== undefined &&
      foundByIp &&
      !filedByIp && {
        ip_shard: shardKey(addressGroup(ip), shardOf(event.id, config.shards.events.write)),
      }),
    ...(listed && listingKeys(event, config)),
  };
}
