import { DAY_MS, MINUTE_MS } from "../../../shared/core/clock.ts";
import { addressIn, prefixOf } from "../world/networks.ts";
import type { TrafficToken } from "../world/timeline.ts";
import { type Attack, clientsOf } from "./attack.ts";

/** Dormant token: a token that is valid for a year is used heavily after weeks without use. */
export const dormantToken: Attack = (scene) => {
  const { random, timeline, startMs } = scene;
  const client = random.pick(clientsOf(scene, "partner").slice(0, 4));
  const office = client.addresses[0] as string;
  const days = random.integer(21, 60);
  const issuedMs = startMs - (days + random.integer(20, 90)) * DAY_MS;
  const token: TrafficToken = {
    clientId: client.clientId,
    userId: random.pick(client.users).userId,
    tokenId: random.uuid(issuedMs),
    scopes: client.scopes,
    issuedMs,
    expiresMs: issuedMs + 365 * DAY_MS,
    usedBefore: { atMs: startMs - days * DAY_MS, ip: office },
  };
  // The calls come from the partner's own network, so that only the sudden use is suspicious.
  const ip = addressIn(random, prefixOf(office));
  const uses = random.integer(140, 170);
  const endMs = startMs + 30 * MINUTE_MS;
  for (let n = 0; n < uses; n += 1) {
    const atMs = startMs + (n / (uses - 1)) * (endMs - startMs);
    const endpoint = random.pickZipf(client.endpoints);
    timeline.use(atMs, token, { endpoint, method: "GET", ip, userAgent: client.userAgent });
  }
  return {
    subject: { kind: "token", id: token.tokenId },
    startMs,
    endMs,
    description: `${client.clientId}: a token unused for ${days} days was used ${uses} times within half an hour`,
  };
};
