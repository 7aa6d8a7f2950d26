import { MINUTE_MS } from "../../../shared/core/clock.ts";
import { address } from "../world/networks.ts";
import type { Attack } from "./attack.ts";

/** Credential stuffing: an IP address tries hundreds of tokens within minutes. */
export const credentialStuffing: Attack = ({ random, timeline, startMs }) => {
  const ip = address(random, "foreign");
  const tries = random.integer(250, 500);
  const minutes = random.integer(4, 9);
  const endMs = startMs + minutes * MINUTE_MS;
  const call = { method: "GET", ip, userAgent: "python-requests/2.32.5" };
  for (let n = 0; n < tries; n += 1) {
    const endpoint = random.pick(["/api/profile", "/api/orders"]);
    const atMs = startMs + (n / (tries - 1)) * (endMs - startMs);
    timeline.fail(atMs, "unknown_token", { ...call, endpoint });
  }
  return {
    subject: { kind: "ip", id: ip },
    startMs,
    endMs,
    description: `one address tried ${tries} unknown tokens within ${minutes} minutes`,
  };
};
