import { startDynamoDbLocal } from "../../infra/local/dynamodb-local.ts";
import type { World } from "../integration/world.ts";
import { allowed, scene as authorizerScene } from "./authorizer-scene.ts";
import type { Benchmark, BenchmarkTable } from "./benchmark.ts";
import { LATENCY_COLUMNS, latencyRow, measureCallers } from "./caller-latency.ts";
import { startPostgres } from "./postgres/server.ts";
import { PURGE_ROUNDS, PURGE_WARM_UP, type PurgeScene, purgeScene } from "./purge-scene.ts";
import { comparePurgeSpeed, SPEED_COLUMNS } from "./purge-speed.ts";
import { sizes } from "./sizes.ts";

const USUAL_SIZES = [10_000];

type Row = BenchmarkTable["rows"][number];

/** A caller of the authorizer, whose events go nowhere: they leave after the answer. */
async function authorizerCall(world: World): Promise<() => Promise<void>> {
  const { context, request } = await authorizerScene(world);
  const call = { ...context, sink: { publish: async () => {} }, defer: () => {} };
  return () => allowed(call, request);
}

/** How much later callers are answered while expired tokens go. */
async function compareCallers(scene: PurgeScene): Promise<Row[]> {
  const { ours, bare, theirs, slice, expired, among } = scene;
  const found = await measureCallers(
    {
      purge: {
        call: await authorizerCall(scene.purged),
        work: () => ours.run({ kind: "purge", items: slice }),
      },
      bare: {
        call: await authorizerCall(scene.deleted),
        work: (round) => {
          const first = (PURGE_WARM_UP + PURGE_ROUNDS + round) * slice;
          return bare.run({ kind: "bare", first, items: slice });
        },
      },
      postgres: { call: theirs.call, work: theirs.purge, afterwards: theirs.refill },
    },
    PURGE_ROUNDS,
  );
  return [
    latencyRow(`authorizer, beside ${slice} items of the purge`, among, found.purge),
    latencyRow(`authorizer, beside ${slice} bare deletes`, among, found.bare),
    latencyRow(`PostgreSQL, beside its DELETE of ${expired}`, among, found.postgres),
  ];
}

/** What the rest of the purge, run to its end, asks of the store for each item. */
async function countReads({ ours, expired, among }: PurgeScene): Promise<Row> {
  const done = await ours.run({ kind: "purge", items: expired });
  const left = await ours.run({ kind: "purge", items: expired });
  if (done.removed === 0 || left.removed !== 0) throw new Error("the purge came to no end");
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

async function deleteTraces({ theirs, expired, among }: PurgeScene): Promise<Row> {
  const { lockedRows, deadRows, pagesBefore, pagesVacuumed } = await theirs.traces();
  return [expired, among, lockedRows, deadRows, pagesBefore, pagesVacuumed];
}

/**
 * What finding expired tokens costs beside deleting them, and what callers notice; `PURGE_EXPIRED` sets
 * how many are expired.
 */
export const purgeBenchmark: Benchmark = {
  name: "purge",
  async run(report) {
    const [store, postgres] = [await startDynamoDbLocal({ port: 0 }), await startPostgres()];
    try {
      const [speed, reads, callers, traces]: [Row[], Row[], Row[], Row[]] = [[], [], [], []];
      for (const expired of sizes("PURGE_EXPIRED", USUAL_SIZES)) {
        report(`${expired} expired: storing the tokens`);
        const scene = await purgeScene(store.endpoint, postgres, expired);
        try {
          // Before callers write: their updates leave dead rows as well.
          traces.push(await deleteTraces(scene));
          report(`${expired} expired among ${scene.among} tokens: items a second`);
          speed.push(await comparePurgeSpeed(scene));
          report("callers meanwhile");
          callers.push(...(await compareCallers(scene)));
          reads.push(await countReads(scene));
        } finally {
          await scene.close();
        }
      }
      return [
        {
          title: `Purge: expired tokens found and deleted, in ${PURGE_ROUNDS} turns with deletes by known keys and with PostgreSQL's one DELETE of all that is expired`,
          columns: SPEED_COLUMNS,
          rows: speed,
        },
        {
          title: "Purge: what it asks of the store, counted over its last items",
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
            "Purge: a caller's latency meanwhile, one call after another, against the same caller without it, in turns (milliseconds compare within a row only: PostgreSQL writes to disk, DynamoDB Local to memory)",
          columns: LATENCY_COLUMNS,
          rows: callers,
        },
        {
          title: "PostgreSQL's DELETE: what it holds until it ends, and what it leaves",
          columns: [
            "expired",
            "among",
            "rows locked",
            "dead rows left",
            "8 KB pages of table and indexes before",
            "pages after a VACUUM",
          ],
          rows: traces,
        },
      ];
    } finally {
      await Promise.all([store.close(), postgres.close()]);
    }
  },
};
