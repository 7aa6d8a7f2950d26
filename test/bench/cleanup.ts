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
    latencyRow(`authorizer, beside ${slice} items of the cleanup`, among, found.cleanup),
    latencyRow(`authorizer, beside ${slice} bare deletes`, among, found.bare),
  ];
}

/** Runs the cleanup to completion and counts the requests to the store per item. */
async function countReads({ ours, expired, among }: CleanupScene): Promise<Row> {
  const done = await ours.run({ kind: "cleanup", items: expired });
  const left = await ours.run({ kind: "cleanup", items: expired });
  if (done.removed === 0 || left.removed !== 0) throw new Error("the cleanup came to no end");
  const each = (count: number, digits: number) => (count / done.removed).toFixed(digits);
  return [
    expired,
    among,
    done.removed,
    each(done.readUnits, 3),
    each(done.writeUnits, 2),
    each(done.roundTrips, 3),
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
          report(`${expired} expired among ${scene.among} tokens: items a second`);
          speed.push(await compareCleanupSpeed(scene));
          report("callers meanwhile");
          callers.push(...(await compareCallers(scene)));
          reads.push(await countReads(scene));
        } finally {
          await scene.close();
        }
      }
      return [
        {
          title: `Cleanup: expired tokens found and deleted, in ${PURGE_ROUNDS} turns with deletes by known keys`,
          columns: SPEED_COLUMNS,
          rows: speed,
        },
        {
          title: "Cleanup: what it asks of the store, counted over its last items",
          columns: [
            "expired",
            "among",
            "counted over",
            "read units an item",
            "write units an item",
            "round trips an item",
          ],
          rows: reads,
        },
        {
          title:
            "Cleanup: a caller's latency meanwhile, one call after another, against the same caller without it, in turns",
          columns: LATENCY_COLUMNS,
          rows: callers,
        },
      ];
    } finally {
      await store.close();
    }
  },
};
