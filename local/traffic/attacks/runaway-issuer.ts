import { MINUTE_MS, SECOND_MS } from "../../../shared/core/clock.ts";
import { type Attack, busyService } from "./attack.ts";

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
  for (let n = 0; n < count; n += 1) {
    const atMs = startMs + (n / (count - 1)) * (endMs - startMs);
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
