import { generateTraffic } from "../../local/traffic/generate-traffic.ts";
import { Random } from "../../local/traffic/world/random.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../shared/core/clock.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";

/** State of a call's token. `none`: missing or malformed. `unknown`: never issued. */
export type Standing = "good" | "narrow" | "expired" | "revoked" | "unknown" | "none";

/** A token, as a call presents it. */
export interface CallToken {
  readonly tokenId: string;
  readonly clientId: string;
  readonly userId: string | undefined;
  /** Milliseconds since the token was last used, and the IP address that used it. Undefined on first use. */
  readonly before: { readonly agoMs: number; readonly ip: string } | undefined;
}

/** A call to the API. */
export interface TrafficCall {
  readonly atMs: number;
  readonly standing: Standing;
  readonly token: CallToken | undefined;
  readonly method: string;
  readonly path: string;
  readonly ip: string;
  readonly userAgent: string;
}

const SEED = 11;
const START_MS = Date.parse("2026-11-23T00:00:00.000Z");

const STANDINGS: Readonly<Record<string, Standing>> = {
  token_used: "good",
  scope_violation: "narrow",
  expired_token: "expired",
  revoked_token: "revoked",
  unknown_token: "unknown",
  malformed_token: "none",
  missing_token: "none",
};

/** Returns the call that an event describes, or undefined if it doesn't describe a call. */
function toCall(event: OAuthEvent): TrafficCall | undefined {
  const data = event.event_data as Record<string, unknown>;
  const kind = event.event_type === "auth_failed" ? String(data.reason) : event.event_type;
  const standing = Object.hasOwn(STANDINGS, kind) ? STANDINGS[kind] : undefined;
  if (!standing) return undefined;
  const { oauth_client_id: clientId, user_id: userId } = event;
  const tokenId = typeof data.token_id === "string" ? data.token_id : undefined;
  if (["good", "narrow", "expired", "revoked"].includes(standing) && !(tokenId && clientId)) {
    return undefined;
  }
  const atMs = Date.parse(event.occurred_at);
  const previous = data.previous_use as { at: string; ip: string } | null | undefined;
  const before = previous ? { agoMs: atMs - Date.parse(previous.at), ip: previous.ip } : undefined;
  return {
    atMs,
    standing,
    token:
      tokenId && clientId && standing !== "unknown"
        ? { tokenId, clientId, userId, before }
        : undefined,
    method: String(data.method),
    path: String(data.endpoint),
    ip: String(data.ip),
    userAgent: String(data.user_agent),
  };
}

/**
 * Returns a day's calls, about one per second: calls from forty clients, which include services and people, harmless
 * failures, and every generated attack. Every run returns the same calls.
 */
export function callsOfDay(callsPerDay = DAY_MS / SECOND_MS): TrafficCall[] {
  const { events } = generateTraffic({
    seed: SEED,
    startMs: START_MS,
    days: 1,
    eventsPerDay: callsPerDay,
    attacks: "last-day",
  });
  return events.flatMap((event) => toCall(event) ?? []);
}

/** Returns the calls in the given hours of the day, 0 to 23. */
export function ofHours(calls: readonly TrafficCall[], hours: readonly number[]): TrafficCall[] {
  return calls.filter(({ atMs }) => hours.includes(Math.floor((atMs - START_MS) / HOUR_MS)));
}

/**
 * Samples `count` calls at a higher rate, as if more people and services made them. Each call gets a new token with the
 * same previous use. IP addresses and attacks stay the same.
 */
export function crowded(
  calls: readonly TrafficCall[],
  count: number,
  callsPerSecond: number,
): TrafficCall[] {
  const random = new Random(SEED, "crowded");
  let atMs = START_MS + DAY_MS / 2 + 20 * MINUTE_MS;
  return Array.from({ length: count }, (_, n) => {
    const call = random.pick(calls);
    atMs += random.wait(SECOND_MS / callsPerSecond);
    const token = call.token && {
      ...call.token,
      tokenId: random.uuid(atMs - DAY_MS / 24),
      ...(call.token.userId !== undefined && { userId: `${call.token.userId}-${n}` }),
    };
    return { ...call, atMs: Math.floor(atMs), token };
  });
}
