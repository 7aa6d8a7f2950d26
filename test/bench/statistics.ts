import assert from "node:assert/strict";
import { startDynamoDbLocal } from "../../local/services/dynamodb-local.ts";
import { DAY_MS, HOUR_MS, toInstant } from "../../shared/core/clock.ts";
import { allShardKeys, queryEach } from "../../shared/core/document-client.ts";
import { tokenUsageStats } from "../../shared/index.ts";
import { createWorldAt, type World } from "../integration/world.ts";
import type { Benchmark } from "./benchmark.ts";
import { interleaved } from "./interleaved.ts";
import { median } from "./percentile.ts";
import { sizes } from "./sizes.ts";
import { storeTokens } from "./store-tokens.ts";

const USUAL_SIZES = [10_000, 100_000];
const ROUNDS = 5;

/** Statistics of the tokens issued in the last 24 hours. */
interface TokenFigures {
  readonly total: number;
  readonly active: number;
  readonly expired: number;
  readonly byClient: Readonly<Record<string, number>>;
}

/** Computes the statistics for the last 24 hours token by token, as a design without counters would. */
async function judgeOneByOne(world: World): Promise<TokenFigures> {
  const { nowMs: toMs } = world.time;
  const [now, fromMs] = [toInstant(toMs), toMs - DAY_MS];
  const hours: string[] = [];
  for (let ms = Math.floor(fromMs / HOUR_MS) * HOUR_MS; ms < toMs; ms += HOUR_MS) {
    hours.push(toInstant(ms).slice(0, 13));
  }
  const byClient: Record<string, number> = {};
  let [active, expired] = [0, 0];
  // Hour by hour, because a million items in memory would block the process for too long.
  for (const hour of hours) {
    const facts = await queryEach(
      world.db,
      allShardKeys(hour, world.config.shards.issuances.read).map((partition) => ({
        TableName: world.issuancesTable,
        IndexName: "by_issue_time",
        KeyConditionExpression: "hour_shard = :hour AND issued_at BETWEEN :first AND :last",
        ExpressionAttributeValues: {
          ":hour": partition,
          ":first": toInstant(fromMs),
          ":last": toInstant(toMs - 1),
        },
      })),
    );
    for (const { oauth_client_id: client, expires_at: expiresAt } of facts) {
      byClient[String(client)] = (byClient[String(client)] ?? 0) + 1;
      if (String(expiresAt) > now) active += 1;
      else expired += 1;
    }
  }
  return { total: active + expired, active, expired, byClient };
}

async function readCounters(world: World): Promise<TokenFigures> {
  const stats = await tokenUsageStats(world);
  return {
    total: stats.total_tokens_issued,
    active: stats.active_tokens,
    expired: stats.expired_tokens,
    byClient: stats.tokens_by_client,
  };
}

/** Computes the statistics once, checks the result, and returns the cost in the store. */
async function measureCost(
  world: World,
  expected: TokenFigures,
  make: (world: World) => Promise<TokenFigures>,
) {
  world.traffic.reset();
  assert.deepEqual(await make(world), expected);
  return { trips: world.traffic.roundTrips, units: world.traffic.readUnits };
}

/** Stores tokens of the last 24 hours. */
async function createScene(endpoint: string, tokens: number): Promise<World> {
  const world = await createWorldAt(endpoint);
  // Not a full minute, so that the range starts and ends in the middle of a minute, as in real calls.
  world.time.nowMs += 17 * 60_000 + 23_456;
  await storeTokens(world, tokens);
  return world;
}

/** Measures the cost of 24-hour statistics for growing numbers of tokens, set by `STATISTICS_TOKENS`. */
export const statistics: Benchmark = {
  name: "statistics",
  async run(report) {
    const store = await startDynamoDbLocal({ port: 0 });
    try {
      const reads: (string | number)[][] = [];
      const durations: (string | number)[][] = [];
      for (const tokens of sizes("STATISTICS_TOKENS", USUAL_SIZES)) {
        report(`${tokens} tokens in 24 hours`);
        const world = await createScene(store.endpoint, tokens);
        const figures = await judgeOneByOne(world);
        assert.equal(figures.total, tokens);
        const counters = await measureCost(world, figures, readCounters);
        const direct = await measureCost(world, figures, judgeOneByOne);
        const times = await interleaved(
          {
            counters: () => readCounters(world),
            direct: () => judgeOneByOne(world),
          },
          { rounds: ROUNDS, warmUp: 1 },
        );
        const ms = median(times.counters);
        const directMs = median(times.direct);
        reads.push([
          tokens,
          counters.trips,
          counters.units,
          direct.trips,
          direct.units,
          (counters.units / direct.units).toFixed(3),
        ]);
        durations.push([tokens, ms.toFixed(0), directMs.toFixed(0), (ms / directMs).toFixed(3)]);
      }
      return [
        {
          title:
            "Statistics for 24 hours: reads with counters and token by token (target: independent of the number of tokens)",
          columns: [
            "tokens",
            "round trips",
            "read units",
            "round trips, token by token",
            "read units, token by token",
            "ratio of units",
          ],
          rows: reads,
        },
        {
          title: "Statistics for 24 hours: response time",
          columns: ["tokens", "ms", "ms, token by token", "ratio to token by token"],
          rows: durations,
        },
      ];
    } finally {
      await store.close();
    }
  },
};
