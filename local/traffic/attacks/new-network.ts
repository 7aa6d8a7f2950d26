import { MINUTE_MS } from "../../../shared/core/clock.ts";
import { address } from "../world/networks.ts";
import { type Attack, busyService } from "./attack.ts";

/** New network: a service's credentials are used from a network that the service has never used. */
export const newNetwork: Attack = (scene) => {
  const { random, timeline, startMs } = scene;
  const client = busyService(scene, 1);
  const from = { ip: address(random, "foreign"), userAgent: client.userAgent };
  const life = { scopes: client.scopes, lifetimeMs: client.tokenLifetimeMs };
  const token = timeline.issue(startMs, { clientId: client.clientId }, life, from);
  const uses = random.integer(20, 40);
  const endMs = startMs + random.integer(15, 35) * MINUTE_MS;
  for (let n = 1; n <= uses; n += 1) {
    const endpoint = random.pickZipf(client.endpoints);
    const atMs = startMs + (n / uses) * (endMs - startMs);
    timeline.use(atMs, token, { endpoint, method: "GET", ...from });
  }
  return {
    subject: { kind: "client", id: client.clientId },
    startMs,
    endMs,
    description: `${uses} uses from ${from.ip}, in a network new to the client`,
  };
};
