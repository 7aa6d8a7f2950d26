import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { DeleteCommand } from "@aws-sdk/lib-dynamodb";
import type pg from "pg";
import { startDynamoDbLocal } from "../../infra/local/dynamodb-local.ts";
import { DAY_MS, HOUR_MS, toInstant } from "../../shared/clock/clock.ts";
import { expiryAttributes } from "../../shared/retention/expiry-attributes.ts";
import { purgeExpired } from "../../shared/retention/purge-expired.ts";
import { expiredTokens } from "../../shared/retention/purge-targets.ts";
import { digestSecret } from "../../shared/tokens/token-secret.ts";
import { createWorldAt, type World } from "../integration/world.ts";
import { allowed, scene } from "./authorizer-scene.ts";
import type { Benchmark, BenchmarkTable } from "./benchmark.ts";
import { latencyRow, measureCaller } from "./caller-latency.ts";
import { fillTable } from "./fill-table.ts";
import { interleaved } from "./interleaved.ts";
import { median } from "./percentile.ts";
import {
  createIdentityServer,
  deadTokens,
  deleteExpired,
  insertTokens,
  presentToken,
  type TokenRows,
} from "./postgres/identity-server.ts";
import { startPostgres } from "./postgres/server.ts";
import type { PurgeJob } from "./purge-process.ts";
import { sizes } from "./sizes.ts";

const USUAL_SIZES = [1000, 10_000];
/** A tenth of the tokens expires at each round; the last one goes while calls are made. */
const MOST_ROUNDS = 6;
/** Deletes that one side makes in all its rounds, more or less. */
const MOST_DELETES = 60_000;
const WARM_UP = 1;

const roundsOf = (expired: number) =>
  Math.min(MOST_ROUNDS, Math.max(1, Math.floor(MOST_DELETES / expired)));

const digestOf = (n: number) => digestSecret(`token ${n}`);

/** Ten times as many tokens as expire in a round: those of round r expire r hours from now. */
function expiryOf(n: number, perRound: number, startedMs: number): number {
  const round = Math.floor(n / perRound);
  const last = WARM_UP + roundsOf(perRound);
  return startedMs + (round <= last ? round * HOUR_MS : 10 * DAY_MS);
}

/** The same tokens as SQL makes them, in epoch milliseconds. */
function tokenRows(perRound: number, startedMs: number): TokenRows {
  const last = WARM_UP + roundsOf(perRound);
  const round = `floor(n / ${perRound})`;
  const expiresMs = `${startedMs} + CASE WHEN ${round} <= ${last} THEN ${round} * ${HOUR_MS}::bigint ELSE ${10 * DAY_MS} END`;
  return { count: 10 * perRound, issuedMs: `${expiresMs} - ${HOUR_MS}`, expiresMs };
}

async function storeOf(endpoint: string, perRound: number): Promise<World> {
  const world = await createWorldAt(endpoint);
  const { client, tokensTable, config, time } = world;
  await fillTable(client, tokensTable, 10 * perRound, (n) => {
    const expiresMs = expiryOf(n, perRound, time.nowMs);
    const digest = digestOf(n);
    return {
      token_digest: digest,
      token_id: `token-${n}`,
      oauth_client_id: "3f1c2d9e-8a44-4b8e-9b5d-0d9a6f1f7c11",
      user_id: "9b2d4c1a-53a7-4a3e-8a0d-6e2b7f9c1d22",
      scopes: ["api:read", "api:write"],
      issued_at: toInstant(expiresMs - HOUR_MS),
      ...expiryAttributes(digest, expiresMs, config),
    };
  });
  return world;
}

async function purge(world: World, nowMs: number): Promise<number> {
  const { removed } = await purgeExpired(world.client, expiredTokens(world, nowMs), {
    clock: () => nowMs,
    deadlineMs: Number.POSITIVE_INFINITY,
    concurrency: world.config.purge.concurrency,
  });
  return removed;
}

/** Deletes by keys that are known beforehand, as many at once as the purge. */
async function deleteKnown(world: World, digests: readonly string[]): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let digest = digests[next]; digest !== undefined; digest = digests[next]) {
      next += 1;
      await world.client.send(
        new DeleteCommand({ TableName: world.tokensTable, Key: { token_digest: digest } }),
      );
    }
  };
  await Promise.all(Array.from({ length: world.config.purge.concurrency }, worker));
}

/** A purge in a process of its own, ready to begin. */
async function purgeBeside({ endpoint, context }: World, nowMs: number) {
  const child = fork(fileURLToPath(new URL("./purge-process.ts", import.meta.url)));
  await once(child, "message");
  return async (): Promise<number> => {
    const { client: _, clock: _clock, logger: _logger, sink: _sink, ...store } = context;
    const ended = once(child, "message");
    child.send({ endpoint, nowMs, store } satisfies PurgeJob);
    const [removed] = await ended;
    return removed as number;
  };
}

function mustBe(removed: number, expired: number): void {
  if (removed !== expired) throw new Error(`${removed} tokens were removed in place of ${expired}`);
}

/** How fast expired tokens go, in turns with deletes by known keys and with PostgreSQL. */
async function compareSpeed(purged: World, bare: World, database: pg.Client, expired: number) {
  const rounds = roundsOf(expired);
  const startedMs = purged.time.nowMs;
  purged.traffic.reset();
  const times = await interleaved(
    {
      purge: async (round) => mustBe(await purge(purged, startedMs + round * HOUR_MS), expired),
      bare: (round) =>
        deleteKnown(
          bare,
          Array.from({ length: expired }, (_, n) => digestOf(round * expired + n)),
        ),
      postgres: async (round) =>
        mustBe(await deleteExpired(database, startedMs + round * HOUR_MS), expired),
    },
    { rounds, warmUp: WARM_UP },
  );
  const removed = (rounds + WARM_UP) * expired;
  const perSecond = (ms: readonly number[]) => Math.round((1000 * expired) / median(ms));
  const ratioTo = (ms: readonly number[]) =>
    median(times.purge.map((each, round) => (ms[round] ?? Number.NaN) / each)).toFixed(2);
  return [
    expired,
    10 * expired,
    (purged.traffic.readUnits / removed).toFixed(3),
    (purged.traffic.writeUnits / removed).toFixed(2),
    (purged.traffic.roundTrips / removed).toFixed(3),
    perSecond(times.purge),
    perSecond(times.bare),
    ratioTo(times.bare),
    perSecond(times.postgres),
    await deadTokens(database),
  ];
}

/** How much later callers are answered while expired tokens go. */
async function compareCallers(
  world: World,
  postgres: pg.Client,
  caller: pg.Client,
  expired: number,
) {
  const nowMs = world.time.nowMs + (WARM_UP + roundsOf(expired)) * HOUR_MS;
  const { context, request } = await scene(world);
  const call = { ...context, sink: { publish: async () => {} }, defer: () => {} };
  const purging = await purgeBeside(world, nowMs);
  const ours = await measureCaller(
    () => allowed(call, request),
    async () => mustBe(await purging(), expired),
  );
  const theirs = await measureCaller(
    () => presentToken(caller, 10 * expired - 1),
    async () => mustBe(await deleteExpired(postgres, nowMs), expired),
  );
  const among = `${expired} of ${10 * expired}`;
  return [
    latencyRow(`authorizer beside the purge, ${among}`, ours),
    latencyRow(`PostgreSQL beside its DELETE, ${among}`, theirs),
  ];
}

/**
 * What finding expired tokens costs beside deleting them, and what callers notice; `PURGE_EXPIRED` sets
 * how many a round.
 */
export const purgeBenchmark: Benchmark = {
  name: "purge",
  async run(report) {
    const [store, postgres] = [await startDynamoDbLocal({ port: 0 }), await startPostgres()];
    const [database, caller] = [await postgres.connect(), await postgres.connect()];
    try {
      const speed: (string | number)[][] = [];
      const callers: BenchmarkTable["rows"][number][] = [];
      for (const expired of sizes("PURGE_EXPIRED", USUAL_SIZES)) {
        report(`${expired} expired among ${10 * expired} tokens`);
        const [purged, bare] = [
          await storeOf(store.endpoint, expired),
          await storeOf(store.endpoint, expired),
        ];
        await createIdentityServer(database);
        await insertTokens(database, tokenRows(expired, purged.time.nowMs));
        speed.push(await compareSpeed(purged, bare, database, expired));
        callers.push(...(await compareCallers(purged, database, caller, expired)));
      }
      return [
        {
          title:
            "Purge: expired tokens found and deleted, in turns with deletes by known keys and with PostgreSQL's one DELETE",
          columns: [
            "expired",
            "among",
            "read units an item",
            "write units an item",
            "round trips an item",
            "items/s",
            "items/s, bare",
            "median ratio",
            "items/s, PostgreSQL",
            "dead rows left, PostgreSQL",
          ],
          rows: speed,
        },
        {
          title: "Purge: a caller's latency meanwhile, one call after another, against before it",
          columns: [
            "caller",
            "calls meanwhile",
            "median ms before",
            "median ms meanwhile",
            "ratio",
            "ratio of p95",
            "longest ms",
          ],
          rows: callers,
        },
      ];
    } finally {
      await Promise.all([database.end(), caller.end()]);
      await Promise.all([store.close(), postgres.close()]);
    }
  },
};
