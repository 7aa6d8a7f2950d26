import { v7 as uuidv7 } from "uuid";
import type { Random } from "../../local/traffic/world/random.ts";
import { createEvent, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { scopeCheck } from "../../shared/events/track-event.ts";

const AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0";

const octet = (random: Random) => random.integer(0, 255);

/** Returns a call by a single client with one of a thousand tokens. */
export function callOfOneClient(n: number, atMs: number, random: Random): OAuthEvent {
  const user = random.integer(0, 999);
  return createEvent(
    {
      eventType: "token_used",
      clientId: "shop",
      userId: `user-${user}`,
      details: {
        token_id: `token-${user}`,
        ip: `203.0.113.${user % 250}`,
        endpoint: `/api/orders/${n % 50}`,
        user_agent: AGENT,
        ...scopeCheck(["api:read"], ["api:read", "api:write"], true),
      },
    },
    atMs,
  );
}

/** Returns a failed call with a random token, from a new IP address and to a new endpoint. */
export function attack(_n: number, atMs: number, random: Random): OAuthEvent {
  return createEvent(
    {
      eventType: "auth_failed",
      details: {
        reason: "unknown_token",
        ip: [1 + (octet(random) % 220), octet(random), octet(random), octet(random)].join("."),
        endpoint: `/api/${uuidv7()}`,
        user_agent: AGENT,
      },
    },
    atMs,
  );
}
