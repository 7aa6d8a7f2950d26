import { MINUTE_MS } from "../../../shared/core/clock.ts";
import { addressesApart } from "../world/networks.ts";
import { type Attack, busyUser } from "./attack.ts";

const THEFT_MS = 12 * MINUTE_MS;

/** Token theft: thieves use a user's token from several networks while its owner keeps using it. */
export const tokenTheft: Attack = (scene) => {
  const { random, timeline, startMs } = scene;
  const { client, user } = busyUser(scene);
  const owner = { ip: user.ip, userAgent: client.userAgent };
  const token = timeline.issue(
    startMs - 10 * MINUTE_MS,
    { clientId: client.clientId, userId: user.userId },
    { scopes: client.scopes, lifetimeMs: client.tokenLifetimeMs },
    owner,
  );
  const use = (atMs: number, from: typeof owner) =>
    timeline.use(atMs, token, {
      endpoint: random.pickZipf(client.endpoints),
      method: "GET",
      ...from,
    });
  for (let n = 0; n < 15; n += 1) {
    use(startMs + random.between(-9, 25) * MINUTE_MS, owner);
  }
  const thieves = addressesApart(random, "foreign", random.integer(4, 6));
  const uses = thieves.length * random.integer(5, 9);
  for (let n = 0; n < uses; n += 1) {
    const ip = thieves[n % thieves.length] as string;
    use(startMs + (n / (uses - 1)) * THEFT_MS, { ip, userAgent: "curl/8.14.1" });
  }
  return {
    subject: { kind: "token", id: token.tokenId },
    startMs,
    endMs: startMs + THEFT_MS,
    description: `${client.clientId}: a user's token was used from ${thieves.length} other networks within 12 minutes while its owner kept using it`,
  };
};
