import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../../../shared/core/clock.ts";
import { NO_CLIENT } from "../../../shared/events/oauth-event.ts";
import { address, residentialProxies } from "../world/networks.ts";
import { tokenCall } from "../world/timeline.ts";
import { type Attack, busyUser, evenly } from "./attack.ts";

/** Credential stuffing: an IP address tries hundreds of tokens within minutes. */
export const credentialStuffing: Attack = ({ random, timeline, startMs }) => {
  const ip = address(random, "foreign");
  const tries = random.integer(250, 500);
  const minutes = random.integer(4, 9);
  const endMs = startMs + minutes * MINUTE_MS;
  const call = { method: "GET", ip, userAgent: "python-requests/2.32.5" };
  for (const atMs of evenly(startMs, endMs, tries)) {
    const endpoint = random.pick(["/api/profile", "/api/orders"]);
    timeline.fail(atMs, "unknown_token", { ...call, endpoint });
  }
  return {
    subject: { kind: "ip", id: ip },
    startMs,
    endMs,
    description: `one address tried ${tries} unknown tokens within ${minutes} minutes`,
  };
};

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

const LOW_AND_SLOW_MS = 10 * HOUR_MS;

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
    atMs < startMs + LOW_AND_SLOW_MS;
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

const AREAS = ["admin", "users", "billing", "settings", "exports", "keys", "audit", "refunds"];
const ACTIONS = ["list", "create", "delete", "export", "approve", "reset", "grant", "history"];

/** Scope probing: a token is used on one endpoint after another to find an allowed one. */
export const scopeProbing: Attack = (scene) => {
  const { random, timeline, startMs } = scene;
  const { client, user } = busyUser(scene);
  const from = { ip: user.ip, userAgent: client.userAgent };
  const token = timeline.issue(
    startMs - SECOND_MS,
    { clientId: client.clientId, userId: user.userId },
    { scopes: ["api:read"], lifetimeMs: client.tokenLifetimeMs },
    from,
  );
  const endpoints = AREAS.flatMap((area) => ACTIONS.map((action) => ({ area, action })));
  const probed = random.shuffled(endpoints).slice(0, random.integer(30, 55));
  const endMs = startMs + random.integer(6, 15) * MINUTE_MS;
  for (const [n, { area, action }] of probed.entries()) {
    const call = { endpoint: `/api/${area}/${action}`, method: random.pick(["GET", "POST"]) };
    const atMs = startMs + (n / (probed.length - 1)) * (endMs - startMs);
    timeline.exceedScope(atMs, token, [`${area}:write`], { ...call, ...from });
  }
  return {
    subject: { kind: "token", id: token.tokenId },
    startMs,
    endMs,
    description: `${client.clientId}: one token called ${probed.length} endpoints that its scopes do not allow`,
  };
};

/** Credential reuse: an authorization code or refresh token is redeemed a second time, so an attacker has a copy. */
export const credentialReuse: Attack = (scene) => {
  const { random, timeline, startMs } = scene;
  const { client, user } = busyUser(scene);
  const reason = random.pick(["authorization_code_reused", "refresh_token_reused"]);
  const tries = random.integer(2, 4);
  const endMs = startMs + random.integer(2, 8) * MINUTE_MS;
  const call = tokenCall(address(random, "foreign"), "curl/8.14.1");
  for (const atMs of evenly(startMs, endMs, tries)) {
    timeline.fail(atMs, reason, call, { clientId: client.clientId, userId: user.userId });
  }
  return {
    subject: { kind: "user", id: user.userId },
    startMs,
    endMs,
    description: `${reason} ${tries} times for one user`,
  };
};
