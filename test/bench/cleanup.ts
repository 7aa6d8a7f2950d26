import { startDynamoDbLocal } from "../../local/services/dynamodb-local.ts";
import type { World } from "../integration/world.ts";
import { allowed, scene as authorizerScene } from "./authorizer-scene.ts";
import type { Benchmark, BenchmarkTable } from "./benchmark.ts";
import { LATENCY_COLUMNS, latencyRow, measureCallers } from "./caller-latency.ts";
import { type CleanupScene, cleanupScene, PURGE_ROUNDS, PURGE_WARM_UP } from "./cleanup-scene.ts";
import { compareCleanupSpeed, SPEED_COLUMNS } from "./cleanup-speed.ts";
import { sizes } from "./sizes.ts";

const USUAL_SIZES = [10_000];

type Row = BenchmarkTable["rows"][number];

/** Creates a function that calls the authorizer. Events are dropped, because they are sent after the response. */
async function authorizerCall(world: World): Promise<() => Promise<void>> {
  const { context, request } = await authorizerScene(world);
  const call = { ...context, sink: { publish: async () => {} }, defer: () => {} };
  return () => allowed(call, request);
}

/** Measures how much callers slow down while expired tokens are deleted. */
async function compareCallers(scene: CleanupScene): Promise<Row[]> {
  const { ours, bare, slice, among } = scene;
  const found = await measureCallers(
    {
      cleanup: {
        call: await authorizerCall(scene.removed),
        work: () => ours.run({ kind: "cleanup", items: slice }),
      },
      bare: {
        call: await authorizerCall(scene.deleted),
        work: (round) => {
          const first = (PURGE_WARM_UP + PURGE_ROUNDS + round) * slice;
          return bare.run({ kind: "bare", first, items: slice });
        },
      },
    },
    PURGE_ROUNDS,
  );
  return [
    latencyRow(`authorizer, during a cleanup of ${slice} items`, among, found.cleanup),
    latencyRow(`authorizer, during ${slice} bare deletes`, among, found.bare),
  ];
}

/** Runs the cleanup to completion and counts the requests to the store per item. */
async function countReads({ ours, expired, among }: CleanupScene): Promise<Row> {
  const finished = await ours.run({ kind: "cleanup", items: expired });
  const remaining = await ours.run({ kind: "cleanup", items: expired });
  if (finished.removed === 0 || remaining.removed !== 0)
    throw new Error("the cleanup did not finish");
  const each = (count: number, digits: number) => (count / finished.removed).toFixed(digits);
  return [
    expired,
    among,
    finished.removed,
    each(finished.readUnits, 3),
    each(finished.writeUnits, 2),
    each(finished.roundTrips, 3),
  ];
}

/**
 * Compares finding and deleting expired tokens with only deleting them, and measures the effect on callers.
 * `CLEANUP_EXPIRED` sets the number of expired tokens.
 */
export const cleanupBenchmark: Benchmark = {
  name: "cleanup",
  async run(report) {
    const store = await startDynamoDbLocal({ port: 0 });
    try {
      const [speed, reads, callers]: [Row[], Row[], Row[]] = [[], [], []];
      for (const expired of sizes("CLEANUP_EXPIRED", USUAL_SIZES)) {
        report(`${expired} expired: storing the tokens`);
        const scene = await cleanupScene(store.endpoint, expired);
        try {
          report(`${expired} expired among ${scene.among} tokens: items per second`);
          speed.push(await compareCleanupSpeed(scene));
          report("callers during the cleanup");
          callers.push(...(await compareCallers(scene)));
          reads.push(await countReads(scene));
        } finally {
          await scene.close();
        }
      }
      return [
        {
          title: `Cleanup: finding and deleting expired tokens, compared with deletes by known keys (${PURGE_ROUNDS} rounds)`,
          columns: SPEED_COLUMNS,
          rows: speed,
        },
        {
          title: "Cleanup: load on the store, counted over its last items",
          columns: [
            "expired",
            "among",
            "items counted",
            "read units per item",
            "write units per item",
            "round trips per item",
          ],
          rows: reads,
        },
        {
          title:
            "Cleanup: latency of sequential calls during the cleanup, compared with the same calls without it",
          columns: LATENCY_COLUMNS,
          rows: callers,
        },
      ];
    } finally {
      await store.close();
    }
  },
};
