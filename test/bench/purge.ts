import { DeleteCommand } from "@aws-sdk/lib-dynamodb";
import { startDynamoDbLocal } from "../../infra/local/dynamodb-local.ts";
import { DAY_MS, HOUR_MS, toInstant } from "../../shared/clock/clock.ts";
import { expiryAttributes } from "../../shared/retention/expiry-attributes.ts";
import { purgeExpired } from "../../shared/retention/purge-expired.ts";
import { expiredTokens } from "../../shared/retention/purge-targets.ts";
import { digestSecret } from "../../shared/tokens/token-secret.ts";
import { createWorldAt, type World } from "../integration/world.ts";
import type { Benchmark } from "./benchmark.ts";
import { fillTable } from "./fill-table.ts";
import { interleaved } from "./interleaved.ts";
import { median } from "./percentile.ts";
import { sizes } from "./sizes.ts";

const USUAL_SIZES = [100, 1000];
/** One in ten is expired at each round, another tenth in the next. */
const ROUNDS = 5;
const WARM_UP = 1;

const digestOf = (n: number) => digestSecret(`token ${n}`);

/** Ten times as many tokens as expire in a round: those of round r expire r hours from now. */
async function storeOf(endpoint: string, perRound: number): Promise<World> {
  const world = await createWorldAt(endpoint);
  const { client, tokensTable, config, time } = world;
  const startedMs = time.nowMs;
  await fillTable(client, tokensTable, 10 * perRound, (n) => {
    const round = Math.floor(n / perRound);
    const expiresMs = startedMs + (round < WARM_UP + ROUNDS ? round * HOUR_MS : DAY_MS);
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

/** What finding expired tokens costs beside deleting them; `PURGE_EXPIRED` sets how many a round. */
export const purge: Benchmark = {
  name: "purge",
  async run(report) {
    const store = await startDynamoDbLocal({ port: 0 });
    try {
      const rows: (string | number)[][] = [];
      for (const expired of sizes("PURGE_EXPIRED", USUAL_SIZES)) {
        report(`${expired} expired among ${10 * expired} tokens`);
        const [purged, bare] = [
          await storeOf(store.endpoint, expired),
          await storeOf(store.endpoint, expired),
        ];
        const startedMs = purged.time.nowMs;
        purged.traffic.reset();
        const times = await interleaved(
          {
            purge: async (round) => {
              const nowMs = startedMs + round * HOUR_MS;
              const { removed } = await purgeExpired(purged.client, expiredTokens(purged, nowMs), {
                clock: () => nowMs,
                deadlineMs: Number.POSITIVE_INFINITY,
                concurrency: purged.config.purge.concurrency,
              });
              if (removed !== expired) throw new Error(`${removed} tokens were removed`);
            },
            bare: (round) =>
              deleteKnown(
                bare,
                Array.from({ length: expired }, (_, n) => digestOf(round * expired + n)),
              ),
          },
          { rounds: ROUNDS, warmUp: WARM_UP },
        );
        const removed = (ROUNDS + WARM_UP) * expired;
        const perSecond = (ms: readonly number[]) => Math.round((1000 * expired) / median(ms));
        const ratios = times.purge.map((ms, round) => (times.bare[round] ?? Number.NaN) / ms);
        rows.push([
          expired,
          10 * expired,
          (purged.traffic.readUnits / removed).toFixed(3),
          (purged.traffic.writeUnits / removed).toFixed(2),
          (purged.traffic.roundTrips / removed).toFixed(3),
          perSecond(times.purge),
          perSecond(times.bare),
          median(ratios).toFixed(2),
        ]);
      }
      return [
        {
          title: "Purge: expired tokens found and deleted, against deletes by known keys",
          columns: [
            "expired",
            "among",
            "read units an item",
            "write units an item",
            "round trips an item",
            "items/s",
            "items/s, bare",
            "median ratio",
          ],
          rows,
        },
      ];
    } finally {
      await store.close();
    }
  },
};
