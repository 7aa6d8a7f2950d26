import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../../shared/core/clock.ts";
import { address, addressesApart, addressIn, getPrefix } from "../world/networks.ts";
import type { TrafficToken } from "../world/timeline.ts";
import { type Attack, busyService, busyUser, evenly, findClients } from "./attack.ts";

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

const DAY_TOKEN_MS = 24 * HOUR_MS;

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
    { scopes: client.scopes, lifetimeMs: DAY_TOKEN_MS },
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
  for (const atMs of evenly(startMs, endMs, tries)) {
    timeline.fail(atMs, "revoked_token", { endpoint, method: "GET", ...thief }, token);
  }
  return {
    subject: { kind: "token", id: token.tokenId },
    startMs,
    endMs,
    description: `${client.clientId}: a token was used ${tries} times, ${hours.toFixed(1)} hours after its revocation`,
  };
};

/** Dormant token: a token that is valid for a year is used heavily after weeks without use. */
export const dormantToken: Attack = (scene) => {
  const { random, timeline, startMs } = scene;
  const client = random.pick(findClients(scene, "partner").slice(0, 4));
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
  const ip = addressIn(random, getPrefix(office));
  const uses = random.integer(140, 170);
  const endMs = startMs + 30 * MINUTE_MS;
  for (const atMs of evenly(startMs, endMs, uses)) {
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

const RUNAWAY_MINUTES = 40;
/** Minimum number of issued tokens, even for a client that usually gets very few. */
const FEWEST_TOKENS = 40;

/** Runaway issuer: a service lost its token cache and requests a token before each call. */
export const runawayIssuer: Attack = (scene) => {
  const { random, timeline, startMs } = scene;
  const client = busyService(scene, 0);
  const usual = (scene.issuedPerHour(client.clientId) * RUNAWAY_MINUTES) / 60;
  const count = Math.max(FEWEST_TOKENS, Math.round(usual * random.between(15, 30)));
  const endMs = startMs + RUNAWAY_MINUTES * MINUTE_MS;
  for (const atMs of evenly(startMs, endMs, count)) {
    const from = { ip: random.pick(client.addresses), userAgent: client.userAgent };
    const life = { scopes: client.scopes, lifetimeMs: client.tokenLifetimeMs };
    const token = timeline.issue(atMs, { clientId: client.clientId }, life, from);
    if (!random.chance(0.25)) continue;
    const endpoint = random.pickZipf(client.endpoints);
    timeline.use(atMs + SECOND_MS, token, { endpoint, method: "GET", ...from });
  }
  return {
    subject: { kind: "client", id: client.clientId },
    startMs,
    endMs,
    description: `${count} tokens were issued within ${RUNAWAY_MINUTES} minutes; usual is ${usual.toFixed(1)}`,
  };
};
