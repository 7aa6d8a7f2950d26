import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { storeEvents } from "../../shared/audit-log/store-events.ts";
import { cleanupExpiredTokens } from "../../shared/cleanup/run-cleanup.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, toInstant } from "../../shared/core/clock.ts";
import { createEvent, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { issueToken, revokeToken, tokenUsageStats } from "../../shared/index.ts";
import { countTokens } from "../../shared/statistics/count-tokens.ts";
import { listClients } from "../../shared/statistics/list-clients.ts";
import { registerClient } from "../../shared/tokens/oauth-client.ts";
import { createWorld } from "./store.ts";

interface Life {
  readonly client: string;
  readonly issuedMs: number;
  readonly expiresMs: number;
  readonly revokedMs: number | undefined;
}

const START_MS = Date.parse("2026-11-20T00:00:00.000Z");

function toEvents(lives: readonly Life[]): OAuthEvent[] {
  return lives.flatMap(({ client, issuedMs, expiresMs, revokedMs }, n) => {
    const facts = {
      clientId: client,
      details: { token_id: `t${n}`, expires_at: toInstant(expiresMs) },
    };
    const issued = createEvent({ eventType: "token_issued", ...facts }, issuedMs);
    if (revokedMs === undefined) return [issued];
    return [createEvent({ eventType: "token_revoked", ...facts }, revokedMs), issued];
  });
}

/** Computes the expected statistics from every token. */
function expected(lives: readonly Life[], fromMs: number, toMs: number, nowMs: number) {
  const inRange = lives.filter(({ issuedMs }) => issuedMs >= fromMs && issuedMs < toMs);
  const revoked = inRange.filter((l) => l.revokedMs !== undefined && l.revokedMs < l.expiresMs);
  const rest = inRange.filter((l) => !revoked.includes(l));
  const expiredCount = rest.filter(({ expiresMs }) => expiresMs <= nowMs).length;
  return {
    issued: inRange.length,
    revoked: revoked.length,
    expired: expiredCount,
    active: rest.length - expiredCount,
  };
}

const lifeArbitrary = fc
  .record({
    client: fc.constantFrom("a", "b"),
    issuedMs: fc.integer({ min: START_MS, max: START_MS + 2 * DAY_MS }),
    lifetimeMs: fc.oneof(
      fc.constantFrom(HOUR_MS, 10 * MINUTE_MS, DAY_MS),
      fc.integer({ min: -HOUR_MS, max: 2 * DAY_MS }),
    ),
    revokedAfterMs: fc.option(fc.integer({ min: 0, max: DAY_MS }), { nil: undefined }),
  })
  .map(
    ({ client, issuedMs, lifetimeMs, revokedAfterMs }): Life => ({
      client,
      issuedMs,
      expiresMs: issuedMs + lifetimeMs,
      revokedMs: revokedAfterMs === undefined ? undefined : issuedMs + revokedAfterMs,
    }),
  );

/** Generates instants, often at the exact start or end of a token's life, a minute, an hour or a day. */
const instantArbitrary = (lives: readonly Life[]) =>
  fc
    .tuple(
      fc.oneof(
        fc.integer({ min: START_MS - HOUR_MS, max: START_MS + 3 * DAY_MS }),
        fc.constantFrom(...lives.flatMap((l) => [l.issuedMs, l.expiresMs])),
        fc.integer({ min: 0, max: 72 }).map((hours) => START_MS + hours * HOUR_MS),
        fc.integer({ min: 0, max: 4320 }).map((minutes) => START_MS + minutes * MINUTE_MS),
      ),
      fc.constantFrom(-1, 0, 1),
    )
    .map(([at, offset]) => at + offset);

describe("countTokens", () => {
  it("equals a count over all tokens for any range and any current time", async () => {
    const lives = fc.sample(lifeArbitrary, { numRuns: 160, seed: 20261123 });
    const world = await createWorld();
    const clock = () => START_MS + 3 * DAY_MS;
    const { retry } = await storeEvents(world, toEvents(lives), { clock, registered: new Map() });
    expect(retry).toEqual([]);
    await fc.assert(
      fc.asyncProperty(
        instantArbitrary(lives),
        instantArbitrary(lives),
        instantArbitrary(lives),
        async (a, b, nowMs) => {
          const [fromMs, toMs] = [Math.min(a, b), Math.max(a, b)];
          const counts = await countTokens(world, { fromMs, toMs, nowMs });
          for (const client of ["a", "b"]) {
            const own = lives.filter((life) => life.client === client);
            expect(counts.get(client) ?? { issued: 0, active: 0, expired: 0, revoked: 0 }).toEqual(
              expected(own, fromMs, toMs, nowMs),
            );
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("tokenUsageStats", () => {
  it("counts a token at exactly its expires_at as expired", async () => {
    const world = await createWorld();
    const { token } = await issueToken(world, {
      clientId: "app",
      scopes: ["a"],
      expiresInSeconds: 60,
    });
    const judge = async (nowMs: number) => {
      world.time.nowMs = nowMs;
      const { active_tokens, expired_tokens } = await tokenUsageStats(world);
      return { active_tokens, expired_tokens };
    };
    const expiresMs = Date.parse(token.expires_at);
    expect(await judge(expiresMs - 1)).toEqual({ active_tokens: 1, expired_tokens: 0 });
    expect(await judge(expiresMs)).toEqual({ active_tokens: 0, expired_tokens: 1 });
  });

  it("returns the same statistics before and after a cleanup", async () => {
    const world = await createWorld();
    for (let n = 0; n < 30; n += 1) {
      const { token } = await issueToken(world, {
        clientId: `app${n % 3}`,
        scopes: ["a"],
        expiresInSeconds: n % 2 ? 60 : 7200,
      });
      if (n % 5 === 0) await revokeToken(world, token.token_id);
      world.time.nowMs += 7 * SECOND_MS;
    }
    world.time.nowMs += 5 * MINUTE_MS;
    const before = await tokenUsageStats(world);
    expect(before).toMatchObject({
      total_tokens_issued: 30,
      expired_tokens: 12,
      revoked_tokens: 6,
    });
    expect((await cleanupExpiredTokens(world)).access_tokens_removed).toBe(15);
    expect(await tokenUsageStats(world)).toEqual(before);
  });

  it("separates clients with the same name", async () => {
    const world = await createWorld();
    for (const clientId of ["one", "two", "three"]) {
      await registerClient(world, { clientId, name: clientId === "three" ? "Other" : "Same" });
      await issueToken(world, { clientId, scopes: ["a"], expiresInSeconds: 60 });
    }
    world.time.nowMs += 1;
    expect((await tokenUsageStats(world)).tokens_by_client).toEqual({
      "Same (one)": 1,
      "Same (two)": 1,
      Other: 1,
    });
  });

  it("does not need more reads for ten times as many tokens", async () => {
    const world = await createWorld();
    const issue = async (count: number, startMs: number) => {
      const lives = Array.from({ length: count }, (_, n) => ({
        client: "app",
        issuedMs: startMs + Math.floor((n * 10 * HOUR_MS) / count),
        expiresMs: startMs + Math.floor((n * 10 * HOUR_MS) / count) + HOUR_MS,
        revokedMs: undefined,
      }));
      const events = lives.map(({ issuedMs, expiresMs }, n) =>
        createEvent(
          {
            eventType: "token_issued",
            clientId: "app",
            details: { token_id: `${startMs}-${n}`, expires_at: toInstant(expiresMs) },
          },
          issuedMs,
        ),
      );
      await storeEvents(world, events, { clock: world.clock, registered: world.registered });
    };
    const cost = async (nowMs: number) => {
      world.traffic.reset();
      const counts = await countTokens(world, { fromMs: nowMs - 12 * HOUR_MS, toMs: nowMs, nowMs });
      return {
        issued: counts.get("app")?.issued,
        units: world.traffic.readUnits,
        trips: world.traffic.roundTrips,
      };
    };
    await issue(150, START_MS);
    await issue(1500, START_MS + 4 * DAY_MS);
    const few = await cost(START_MS + 12 * HOUR_MS);
    const many = await cost(START_MS + 4 * DAY_MS + 12 * HOUR_MS);
    expect([few.issued, many.issued]).toEqual([150, 1500]);
    expect(many.trips).toBe(few.trips);
    expect(few.units).toBeGreaterThan(0);
    expect(many.units / few.units).toBeLessThan(1.5);
  });
});

describe("listClients", () => {
  it("returns each client's last use and its active tokens with any lifetime", async () => {
    const world = await createWorld();
    await registerClient(world, { clientId: "app", name: "App" });
    await registerClient(world, { clientId: "gone", name: "Gone", status: "inactive" });
    for (const expiresInSeconds of [60, 3600, 30 * 86_400, 200 * 86_400]) {
      await issueToken(world, { clientId: "app", scopes: ["a"], expiresInSeconds });
    }
    const usedMs = world.time.nowMs + 1;
    await world.sink.publish([
      createEvent({ eventType: "token_used", clientId: "app", details: {} }, usedMs),
      createEvent({ eventType: "token_used", clientId: "app", details: {} }, usedMs - 1),
      createEvent({ eventType: "token_used", clientId: "stranger", details: {} }, usedMs - 1),
    ]);
    world.time.nowMs += 100 * DAY_MS;
    expect(await listClients(world)).toEqual([
      expect.objectContaining({
        oauth_client_id: "app",
        client_name: "App",
        active_tokens: 1,
        last_used_at: toInstant(usedMs),
      }),
      expect.objectContaining({ client_name: "stranger", active_tokens: 0 }),
    ]);
  });
});
