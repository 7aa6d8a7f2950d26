import * as z from "zod";
import { DAY_MS, toEpochSeconds, toInstant } from "../clock/clock.ts";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { freeJson } from "../dynamodb/free-json.ts";
import { shardKey, shardOf } from "../dynamodb/shards.ts";
import { retentionDays } from "../retention/event-retention.ts";
import type { OAuthEvent } from "./oauth-event.ts";

/** An event as it is stored and shown: the envelope, and the bounds of its life in the store. */
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

export type StoredEvent = z.output<typeof storedEventSchema>;

/** The token an event is about, when its data names one. */
export function tokenIdOf(event: Pick<OAuthEvent, "event_data">): string | undefined {
  const id = event.event_data.token_id;
  return typeof id === "string" && id !== "" && id.length <= 256 ? id : undefined;
}

/** The address an event's call came from, when its data has one. */
export function ipOf(event: OAuthEvent): string | undefined {
  const { ip } = event.event_data;
  return typeof ip === "string" && ip !== "" && ip.length <= 64 ? ip : undefined;
}

/** What a gateway's request id may be; other producers may put anything there. */
const REQUEST_ID = /^[!-~]{1,128}$/;

/** The gateway's id of the request an event came from, when its data names one. */
export function requestIdOf(event: OAuthEvent): string | undefined {
  const id = event.event_data.request_id;
  return typeof id === "string" && REQUEST_ID.test(id) ? id : undefined;
}

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
