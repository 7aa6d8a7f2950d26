import { describe, expect, it } from "vitest";
import { CounterShardCount } from "../../shared/audit-log/counter-shard-count.ts";
import { queryEvents } from "../../shared/audit-log/query-events.ts";
import { storeEvents } from "../../shared/audit-log/store-events.ts";
import { cleanupExpiredTokens } from "../../shared/cleanup/run-cleanup.ts";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { HOUR_MS, SECOND_MS } from "../../shared/core/clock.ts";
import { readSnapshot } from "../../shared/detection/read-snapshot.ts";
import { countWithin } from "../../shared/detection/rules/detection-snapshot.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { issueToken } from "../../shared/index.ts";
import { activity } from "../../shared/statistics/activity.ts";
import { tokenUsageStats } from "../../shared/statistics/token-usage-stats.ts";
import { createWorld } from "./store.ts";

/** Returns the same shard counts for every index. */
function shards(write: number, read: number) {
  const count = { write, read };
  return parseMonitoringConfig({
    shards: { events: count, counters: count, issuances: count, expiry: count },
  });
}

const PER_WRITER = 60;

describe("changing the shard count during traffic", () => {
  it.each([
    // First the readers switch to more shards, then the writers. Afterwards, the change is reversed.
    ["growing", [shards(2, 2), shards(2, 6), shards(6, 6)], [0, 1, 2]],
    ["shrinking", [shards(6, 6), shards(2, 6)], [0, 1]],
  ] as const)("loses and duplicates nothing: %s", async (_, configs, deployments) => {
    const world = await createWorld();
    const startMs = world.time.nowMs;
    const events = deployments.map((deployment) =>
      Array.from({ length: PER_WRITER }, (_, n) =>
        createEvent(
          {
            eventType: "auth_failed",
            clientId: "app",
            details: { ip: `203.0.113.${n % 5}`, endpoint: "/api/x" },
          },
          startMs - HOUR_MS + (deployment * PER_WRITER + n) * SECOND_MS,
        ),
      ),
    );
    // Old and new code run at the same time. Every event is delivered to both, as in a redelivery.
    await Promise.all(
      deployments.flatMap((deployment) =>
        events.map(async (batch) => {
          const store = { ...world.context, config: configs[deployment] ?? world.config };
          const outcome = await storeEvents(store, batch, {
            clock: world.clock,
            registered: new Map(),
            maxAttempts: 12,
          });
          expect(outcome.rejected).toEqual([]);
          expect(outcome.retry).toEqual([]);
        }),
      ),
    );
    const tokens = await Promise.all(
      deployments.map((deployment) =>
        issueToken(
          { ...world.context, config: configs[deployment] ?? world.config },
          { clientId: "app", scopes: ["a"], expiresInSeconds: 60 },
        ),
      ),
    );
    world.time.nowMs += HOUR_MS;

    const all = PER_WRITER * deployments.length;
    const reader = { ...world.context, config: configs.at(-1) ?? world.config };
    for (const filters of [{}, { clientId: "app" }, { type: "auth_failed" }, { security: true }]) {
      const page = await queryEvents(reader, { limit: 1000, type: "auth_failed", ...filters });
      expect(page.events).toHaveLength(all);
    }
    const range = { fromMs: startMs - 2 * HOUR_MS, toMs: world.time.nowMs };
    const { failures } = await activity(reader, range);
    expect(failures.total).toBe(all);
    expect(failures.by_endpoint).toEqual([{ value: "/api/x", count: all }]);
    expect(failures.by_ip.map(({ count }) => count)).toEqual(Array(5).fill(all / 5));
    expect(await tokenUsageStats(reader, range)).toMatchObject({
      total_tokens_issued: tokens.length,
      expired_tokens: tokens.length,
      events: { by_type: { auth_failed: all } },
    });
    expect((await cleanupExpiredTokens(reader)).access_tokens_removed).toBe(tokens.length);
  });
});

describe("writer that conflicts with other writers", () => {
  it("spreads its counters over more shards, and every reader finds them", async () => {
    const world = await createWorld();
    const startMs = world.time.nowMs;
    const shardCount = new CounterShardCount(world.config.shards.counters.write);
    for (let n = 0; n < 5; n += 1) {
      // Twice, because each successful transaction slightly reduces the shard count.
      shardCount.conflicted();
      shardCount.conflicted();
      const events = Array.from({ length: 30 }, (_, index) =>
        createEvent(
          {
            eventType: "auth_failed",
            clientId: "app",
            details: { ip: `203.0.113.${index}`, endpoint: "/api/x" },
          },
          // Days in two months. Only some of these days use several shards.
          startMs - (n + index * 3) * 8 * HOUR_MS,
        ),
      );
      const { stored } = await storeEvents(world, events, {
        clock: world.clock,
        registered: new Map(),
        shardCount,
      });
      expect(stored).toHaveLength(30);
    }
    expect(shardCount.shards).toBe(128);

    const range = { fromMs: startMs - 60 * 24 * HOUR_MS, toMs: startMs + HOUR_MS };
    const { failures } = await activity(world, range);
    expect(failures.total).toBe(150);
    expect(failures.by_endpoint).toEqual([{ value: "/api/x", count: 150 }]);
    expect(failures.by_ip[0]?.count).toBe(5);
    const { events } = await tokenUsageStats(world, range);
    expect(events.by_type).toMatchObject({ auth_failed: 150 });
    const { failedIps } = await readSnapshot(world, startMs + 1);
    const recent = failedIps.reduce((sum, one) => sum + countWithin(one, 0, startMs + 1), 0);
    expect(recent).toBe(1);
  });
});
