import { MINUTE_MS } from "../../../shared/core/clock.ts";
import { NO_CLIENT } from "../../../shared/events/oauth-event.ts";
import { residentialProxies } from "../world/networks.ts";
import type { Attack } from "./attack.ts";

const AGENTS = [
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/142.0.0.0",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_6) Safari/605.1.15",
  "Mozilla/5.0 (Linux; Android 16) Chrome/142.0.0.0 Mobile",
];

/** Distributed stuffing: hundreds of IP addresses try a few tokens each. Only the total is suspicious. */
export const distributedStuffing: Attack = ({ random, timeline, startMs }) => {
  const addresses = residentialProxies(random, random.integer(200, 320));
  const lengthMs = random.integer(20, 29) * MINUTE_MS;
  const times: number[] = [];
  for (const ip of addresses) {
    for (let tries = random.integer(2, 4); tries > 0; tries -= 1) {
      const atMs = Math.floor(startMs + random.between(0, lengthMs));
      times.push(atMs);
      timeline.fail(atMs, "unknown_token", {
        endpoint: random.pick(["/api/profile", "/api/orders", "/api/basket"]),
        method: "GET",
        ip,
        userAgent: random.pick(AGENTS),
      });
    }
  }
  return {
    subject: { kind: "client", id: NO_CLIENT },
    startMs: Math.min(...times),
    endMs: Math.max(...times),
    description: `${addresses.length} addresses tried ${times.length} unknown tokens, two to four each`,
  };
};
