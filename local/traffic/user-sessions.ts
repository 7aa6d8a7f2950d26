import { MINUTE_MS, SECOND_MS } from "../../shared/core/clock.ts";
import { address } from "./world/networks.ts";
import { EVENTS_PER_SESSION, type TrafficClient, type TrafficUser } from "./world/population.ts";
import { Random } from "./world/random.ts";
import { arrivals, OFFICES, PEOPLE } from "./world/rhythm.ts";
import { type DraftEvent, Timeline, type TrafficToken } from "./world/timeline.ts";

/** How people use each kind of client. */
const HABITS = {
  consumer: { rhythm: PEOPLE, betweenUsesMs: 3 * MINUTE_MS },
  partner: { rhythm: OFFICES, betweenUsesMs: 8 * MINUTE_MS },
};
/** Pause of an interrupted session. The token may expire during the pause. */
const BREAK_MS = [30 * MINUTE_MS, 90 * MINUTE_MS] as const;
const BREAK_CHANCE = 0.1;
const ON_THE_MOVE_CHANCE = 0.3;
const LOGOUT_CHANCE = 0.06;
/** Chance that the client makes calls shortly after the logout. */
const LATE_USE_CHANCE = 0.4;

interface UserSession {
  readonly client: TrafficClient;
  readonly user: TrafficUser;
  readonly startMs: number;
  readonly uses: number;
  readonly betweenUsesMs: number;
}

/**
 * Returns the traffic in [from, to) for a client that people use: each session requests a token, then makes calls with
 * it.
 */
export function userSessions(
  client: TrafficClient & { readonly kind: "consumer" | "partner" },
  { seed, fromMs, toMs }: { seed: number; fromMs: number; toMs: number },
): DraftEvent[] {
  const random = new Random(seed, "sessions", client.clientId);
  const timeline = new Timeline(random);
  const { rhythm, betweenUsesMs } = HABITS[client.kind];
  const perSession = EVENTS_PER_SESSION[client.kind];
  const perDay = client.eventsPerDay / perSession;
  const start = Math.max(fromMs, client.firstMs);
  for (const startMs of arrivals(random, { fromMs: start, toMs, perDay, rhythm })) {
    const user = random.pickZipf(client.users.filter(({ joinsMs }) => joinsMs <= startMs));
    const uses = Math.max(1, Math.min(40, Math.round(random.wait(perSession - 1.4))));
    runSession(random, timeline, { client, user, startMs, uses, betweenUsesMs });
  }
  return timeline.drafts;
}

function runSession(random: Random, timeline: Timeline, session: UserSession): void {
  const { client, user, startMs, uses, betweenUsesMs } = session;
  const { userAgent } = client;
  const addresses = [user.ip];
  if (user.mobile && random.chance(ON_THE_MOVE_CHANCE)) addresses.push(address(random, "mobile"));
  const breakAt = random.chance(BREAK_CHANCE) ? random.integer(1, uses) : -1;
  const callNow = () => ({
    endpoint: random.pickZipf(client.endpoints),
    method: client.scopes.includes("api:write") && random.chance(0.2) ? "POST" : "GET",
    ip: random.pick(addresses),
    userAgent,
  });
  const issue = (atMs: number) =>
    timeline.issue(
      atMs,
      { clientId: client.clientId, userId: user.userId },
      { scopes: client.scopes, lifetimeMs: client.tokenLifetimeMs },
      { ip: random.pick(addresses), userAgent },
    );

  let atMs = startMs;
  let token = issue(atMs);
  for (let use = 0; use < uses; use += 1) {
    atMs += SECOND_MS + random.wait(use === 0 ? 2 * SECOND_MS : betweenUsesMs);
    if (use === breakAt) atMs += random.between(...BREAK_MS);
    if (atMs >= token.expiresMs) {
      for (let tries = random.integer(1, 3); tries > 0; tries -= 1) {
        timeline.fail(atMs, "expired_token", callNow(), token);
        atMs += random.between(0.2, 2) * SECOND_MS;
      }
      token = issue(atMs);
      atMs += SECOND_MS;
    }
    timeline.use(atMs, token, callNow());
  }
  if (random.chance(LOGOUT_CHANCE)) logOut(random, timeline, { token, atMs, call: callNow() });
}

function logOut(
  random: Random,
  timeline: Timeline,
  {
    token,
    atMs,
    call,
  }: { token: TrafficToken; atMs: number; call: Parameters<Timeline["use"]>[2] },
): void {
  const revokedMs = atMs + random.between(1, 60) * SECOND_MS;
  if (revokedMs >= token.expiresMs - 3 * MINUTE_MS) return;
  timeline.revoke(revokedMs, token, { ip: call.ip, userAgent: call.userAgent });
  if (!random.chance(LATE_USE_CHANCE)) return;
  for (let uses = random.integer(1, 2); uses > 0; uses -= 1) {
    timeline.fail(revokedMs + random.between(1, 110) * SECOND_MS, "revoked_token", call, token);
  }
}
