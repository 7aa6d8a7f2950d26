import * as z from "zod";
import { retentionDays } from "../config/event-retention.ts";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { freeJson } from "../dynamodb/free-json.ts";
import { shardKey, shardOf } from "../dynamodb/shards.ts";
import type { OAuthEvent } from "../envelope/oauth-event.ts";
import { ipOf, tokenIdOf } from "../envelope/oauth-event.ts";
import { DAY_MS, toEpochSeconds, toInstant } from "../time/clock.ts";

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

/** The item of an event: its fields, and the key of each index that it belongs to. */
export function toEventItem(
  event: OAuthEvent,
  config: Pick<MonitoringConfig, "retention" | "shards">,
  nowMs: number,
): Record<string, unknown> {
  const shard = shardOf(event.id, config.shards.events.write);
  const days = retentionDays(config, event.event_type);
  const key = (value: string | undefined) => value && shardKey(value, shard);
  const stored: StoredEvent = {
    ...event,
    created_at: toInstant(nowMs),
    expires_at: toEpochSeconds(nowMs + days * DAY_MS),
  };
  return {
    ...stored,
    event_data: freeJson(event.event_data),
    occurred_at_id: `${event.occurred_at}#${event.id}`,
    retention_shard: key(String(days)),
    type_shard: key(event.event_type),
    client_shard: key(event.oauth_client_id),
    user_shard: key(event.user_id),
    token_shard: key(tokenIdOf(event)),
    ip_shard: key(ipOf(event)),
  };
}
