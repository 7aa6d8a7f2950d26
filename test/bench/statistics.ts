import { startDynamoDbLocal } from "../../infra/local/dynamodb-local.ts";
import { DAY_MS, HOUR_MS, toInstant } from "../../shared/clock/clock.ts";
import { queryEach } from "../../shared/dynamodb/query-all.ts";
import { allShardKeys } from "../../shared/dynamodb/shards.ts";
import { tokenUsageStats } from "../../shared/index.ts";
import { createWorldAt, type World } from "../integration/world.ts";
import type { Benchmark } from "./benchmark.ts";
import { interleaved } from "./interleaved.ts";
import { median } from "./percentile.ts";
import { sizes } from "./sizes.ts";
import { storeTokens } from "./store-tokens.ts";

const USUAL_SIZES = [10_000, 100_000];
const ROUNDS = 5;

/** Counts the tokens of the last 24 hours by client, one by one, as one would without counters. */
async function countOneByOne(world: World): Promise<number> {
  const { nowMs: toMs } = world.time;
  const fromMs = toMs - DAY_MS;
  const hours: string[] = [];
  for (let ms = Math.floor(fromMs / HOUR_MS) * HOUR_MS; ms < toMs; ms += HOUR_MS) {
    hours.push(toInstant(ms).slice(0, 13));
  }
  const facts = await queryEach(
    world.client,
    hours.flatMap((hour) =>
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
    ),
  );
  const byClient = new Map<unknown, number>();
  for (const { oauth_client_id: client } of facts) {
    byClient.set(client, (byClient.get(client) ?? 0) + 1);
  }
  return [...byClient.values()].reduce((sum, tokens) => sum + tokens, 0);
}

const countByCounters = async (world: World) => (await tokenUsageStats(world)).total_tokens_issued;

/** Reads once, makes sure of the result, and says what the store asked for it. */
async function costOf(world: World, tokens: number, count: (world: World) => Promise<number>) {
  world.traffic.reset();
  const counted = await count(world);
  if (counted !== tokens) throw new Error(`${counted} tokens were counted in place of ${tokens}`);
  return { trips: world.traffic.roundTrips, units: world.traffic.readUnits };
}

/** What the statistics of 24 hours cost among ever more tokens; `STATISTICS_TOKENS` sets how many. */
export const statistics: Benchmark = {
  name: "statistics",
  async run(report) {
    const store = await startDynamoDbLocal({ port: 0 });
    try {
      const rows: (string | number)[][] = [];
      for (const tokens of sizes("STATISTICS_TOKENS", USUAL_SIZES)) {
        report(`${tokens} tokens in 24 hours`);
        const world = await createWorldAt(store.endpoint);
        // No whole minute: the ends of the range are ragged, as those of a real call are.
        world.time.nowMs += 17 * 60_000 + 23_456;
        await storeTokens(world, tokens);
        const counters = await costOf(world, tokens, countByCounters);
        const direct = await costOf(world, tokens, countOneByOne);
        const times = await interleaved(
          { counters: () => countByCounters(world), direct: () => countOneByOne(world) },
          { rounds: ROUNDS, warmUp: 1 },
        );
        const [ms, directMs] = [median(times.counters), median(times.direct)];
        rows.push([
          tokens,
          counters.trips,
          counters.units,
          ms.toFixed(0),
          direct.trips,
          direct.units,
          directMs.toFixed(0),
          (counters.units / direct.units).toFixed(3),
          (ms / directMs).toFixed(3),
        ]);
      }
      return [
        {
          title:
            "Statistics of 24 hours, from counters against token by token (target: the same for any number)",
          columns: [
            "tokens",
            "round trips",
            "read units",
            "ms",
            "round trips, direct",
            "read units, direct",
            "ms, direct",
            "ratio of units",
            "ratio of ms",
          ],
          rows,
        },
      ];
    } finally {
      await store.close();
    }
  },
};
