import { UpdateCommand, type UpdateCommandInput } from "@aws-sdk/lib-dynamodb";
import { CounterUpdates } from "../../shared/audit-log/counter-updates.ts";
import { lifetimeClass, planIssuanceChange } from "../../shared/audit-log/issuance.ts";
import { registerValues } from "../../shared/audit-log/values-in-use.ts";
import { DAY_MS, HOUR_MS, toInstant } from "../../shared/core/clock.ts";
import type { World } from "../integration/world.ts";
import { fillTable } from "./fill-table.ts";

const CLIENTS = 20;

/**
 * Stores `count` tokens issued evenly over the last 24 hours. The store's content is the same as if the subscriber had
 * stored them, but each counter is written only once.
 */
export async function storeTokens(world: World, count: number): Promise<void> {
  const { db, issuancesTable, countersTable, config, time, registered } = world;
  const lifetimeMs = HOUR_MS;
  const startMs = time.nowMs - DAY_MS;
  const shards = Array.from(
    { length: config.shards.counters.write },
    (_, shard) => new CounterUpdates(shard),
  );
  const at = (atMs: number) => toInstant(Math.floor(atMs));
  const lifetime = lifetimeClass(at(startMs), at(startMs + lifetimeMs));
  await registerValues(world, registered, [
    { kind: "token_lifetime", value: lifetime, untilMs: time.nowMs + lifetimeMs },
  ]);
  await fillTable(db, issuancesTable, count, (index) => {
    const issuedMs = Math.floor(startMs + (index * DAY_MS) / count);
    const fact = {
      tokenId: `token-${index}`,
      clientId: `client-${index % CLIENTS}`,
      issued: { at: at(issuedMs), expiresAt: at(issuedMs + lifetimeMs) },
    };
    const change = planIssuanceChange(undefined, fact, issuancesTable, config);
    if (!change?.write.Put?.Item) throw new Error("a new token must change something");
    shards[Math.floor(index / CLIENTS) % shards.length]?.add(change.counts);
    return change.write.Put.Item;
  });
  for (const counters of shards) {
    const updates = counters.toTransactItems(countersTable, config.retention.statisticsDays);
    for (const { Update } of updates) {
      await db.send(new UpdateCommand(Update as UpdateCommandInput));
    }
  }
}
