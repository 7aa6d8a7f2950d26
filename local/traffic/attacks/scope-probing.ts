import { MINUTE_MS, SECOND_MS } from "../../../shared/core/clock.ts";
import { type Attack, busyUser } from "./attack.ts";

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
  const all = AREAS.flatMap((area) => ACTIONS.map((action) => ({ area, action })));
  const probed = random.shuffled(all).slice(0, random.integer(30, 55));
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
