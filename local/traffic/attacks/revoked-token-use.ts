import { HOUR_MS, MINUTE_MS } from "../../../shared/core/clock.ts";
import { address } from "../world/networks.ts";
import { type Attack, busyUser } from "./attack.ts";

const LIFETIME_MS = 24 * HOUR_MS;

/** Use of a revoked token: a token is used from another network hours after its owner revoked it. */
export const revokedTokenUse: Attack = (scene) => {
  const { random, timeline, startMs } = scene;
  const { client, user } = busyUser(scene);
  const owner = { ip: user.ip, userAgent: client.userAgent };
  const hours = random.between(3, 6);
  const revokedMs = startMs - hours * HOUR_MS;
  const issuedMs = revokedMs - 20 * MINUTE_MS;
  const token = timeline.issue(
    issuedMs,
    { clientId: client.clientId, userId: user.userId },
    { scopes: client.scopes, lifetimeMs: LIFETIME_MS },
    owner,
  );
  const endpoint = random.pickZipf(client.endpoints);
  for (let uses = random.integer(3, 8); uses > 0; uses -= 1) {
    const atMs = issuedMs + random.between(1, 19) * MINUTE_MS;
    timeline.use(atMs, token, { endpoint, method: "GET", ...owner });
  }
  timeline.revoke(revokedMs, token, owner);
  const thief = { ip: address(random, "foreign"), userAgent: "curl/8.14.1" };
  const tries = random.integer(3, 6);
  const endMs = startMs + random.integer(5, 15) * MINUTE_MS;
  for (let n = 0; n < tries; n += 1) {
    const atMs = startMs + (n / (tries - 1)) * (endMs - startMs);
    timeline.fail(atMs, "revoked_token", { endpoint, method: "GET", ...thief }, token);
  }
  return {
    subject: { kind: "token", id: token.tokenId },
    startMs,
    endMs,
    description: `${client.clientId}: a token was used ${tries} times, ${hours.toFixed(1)} hours after its revocation`,
  };
};
