import { HOUR_MS, MINUTE_MS } from "../../../shared/core/clock.ts";
import { address } from "../world/networks.ts";
import type { Attack } from "./attack.ts";

const LENGTH_MS = 10 * HOUR_MS;

/**
 * Low and slow: an IP address tries a token every one to three minutes for ten hours, so no single minute is
 * suspicious.
 */
export const lowAndSlow: Attack = ({ random, timeline, startMs }) => {
  const ip = address(random, "foreign");
  let tries = 0;
  let endMs = startMs;
  for (
    let atMs = startMs;
    atMs < startMs + LENGTH_MS;
    atMs = Math.floor(atMs + random.between(1, 3) * MINUTE_MS)
  ) {
    const endpoint = random.pick(["/api/profile", "/api/orders", "/api/invoices"]);
    timeline.fail(atMs, "unknown_token", {
      endpoint,
      method: "GET",
      ip,
      userAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/142.0.0.0",
    });
    tries += 1;
    endMs = atMs;
  }
  return {
    subject: { kind: "ip", id: ip },
    startMs,
    endMs,
    description: `one address tried ${tries} unknown tokens, one to three minutes apart, for ten hours`,
  };
};
