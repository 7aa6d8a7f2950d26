import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { TransactWriteCommand } from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import { CounterUpdates } from "../../shared/audit-log/counter-updates.ts";
import { countsOfEvent } from "../../shared/audit-log/counts-of-event.ts";
import { queryEvents } from "../../shared/audit-log/query-events.ts";
import { storeEvents } from "../../shared/audit-log/store-events.ts";
import { enterValues } from "../../shared/audit-log/values-in-use.ts";
import { DAY_MS, HOUR_MS, toEpochSeconds, toInstant } from "../../shared/core/clock.ts";
import { shardKey, shardOf } from "../../shared/core/document-client.ts";
import { PREVIOUS_EVENTS } from "../../shared/core/tables.ts";
import { createEvent, ipOf, type OAuthEvent, tokenIdOf } from "../../shared/events/oauth-event.ts";
import { countEvents } from "../../shared/statistics/event-buckets.ts";
import { createWorld, type World } from "./store.ts";
import { createTable } from "./world.ts";

/** Creates a store to which both the current code and the code from before batch items write. */
async function worldWithPreviousTable() {
  const previousEventsTable = `previous-${process.pid}-${Date.now()}`;
  const world = await createWorld({ previousEventsTable });
  await createTable(
    new DynamoDBClient({ endpoint: world.endpoint }),
    previousEventsTable,
    PREVIOUS_EVENTS,
  );
  return { world, previousEventsTable };
}

/** Stores an event as the code from before batch items did. Returns whether the event was new. */
async function storeAsBefore(world: World, table: string, event: OAuthEvent): Promise<boolean> {
  const { config, time, countersTable } = world;
  const expiresAtMs = time.nowMs + 90 * DAY_MS;
  await enterValues(world, new Map(), [
    { kind: "retention_days", value: "90", untilMs: expiresAtMs },
  ]);
  const key = (value: string | undefined) =>
    value && shardKey(value, shardOf(event.id, config.shards.events.write));
  const counters = new CounterUpdates(0);
  counters.add(countsOfEvent(event));
  try {
    await world.db.send(
      new TransactWriteCommand({
        TransactItems: [
          {
            Put: {
              TableName: table,
              Item: {
                ...event,
                created_at: toInstant(time.nowMs),
                expires_at: toEpochSeconds(expiresAtMs),
                occurred_at_id: `${event.occurred_at}#${event.id}`,
                retention_shard: key("90"),
                type_shard: key(event.event_type),
                client_shard: key(event.oauth_client_id),
                user_shard: key(event.user_id),
                token_shard: key(tokenIdOf(event)),
                ip_shard: key(ipOf(event)),
              },
              ConditionExpression: "attribute_not_exists(id)",
            },
          },
          ...counters.toTransactItems(countersTable, config.retention.statisticsDays),
        ],
      }),
    );
    return true;
  } catch (error) {
    if ((error as Error).name !== "TransactionCanceledException") throw error;
    return false;
  }
}

const TOKEN = { token_id: "t1", ip: "203.0.113.9" };

function uses(world: World, count: number, first = 0): OAuthEvent[] {
  return Array.from({ length: count }, (_, n) =>
    createEvent(
      { eventType: "token_used", clientId: "app", userId: "ada", details: TOKEN },
      world.time.nowMs - HOUR_MS + (first + n) * 1000,
    ),
  );
}

const newestFirst = (events: readonly OAuthEvent[]) =>
  events.map(({ id }) => id).toSorted((a, b) => (a < b ? 1 : -1));

describe("store written by a version without batch items", () => {
  it("is read together with the current store by every filter", async () => {
    const { world, previousEventsTable } = await worldWithPreviousTable();
    const [old, present] = [uses(world, 12), uses(world, 12, 12)];
    for (const event of old) await storeAsBefore(world, previousEventsTable, event);
    await storeEvents(world, present, world);
    for (const filters of [
      {},
      { type: "token_used" },
      { clientId: "app" },
      { userId: "ada" },
      { tokenId: "t1" },
      { ip: "203.0.113.9" },
    ]) {
      const { events } = await queryEvents(world, { ...filters, limit: 1000 });
      expect(events.map(({ id }) => id)).toEqual(newestFirst([...old, ...present]));
    }
    world.time.nowMs += 91 * DAY_MS;
    expect((await queryEvents(world, { limit: 10 })).events).toEqual([]);
  });

  it("takes and counts each event once, whether old or new code receives it first", async () => {
    const { world, previousEventsTable } = await worldWithPreviousTable();
    const [byOld, byNew, byBoth] = [uses(world, 10), uses(world, 10, 10), uses(world, 10, 20)];
    const storedByOld: OAuthEvent[] = [];
    const old = async (events: readonly OAuthEvent[]) => {
      for (const event of events) {
        if (await storeAsBefore(world, previousEventsTable, event)) storedByOld.push(event);
      }
    };
    await old(byOld);
    await storeEvents(world, byNew, world);
    await Promise.all([old(byBoth), storeEvents(world, byBoth, { ...world, maxAttempts: 12 })]);
    // Delivers every event to both the old and the new code once more.
    const all = [...byOld, ...byNew, ...byBoth];
    await old(all);
    const { stored, duplicates } = await storeEvents(world, all, world);
    expect(stored.length + duplicates.length).toBe(30);
    expect(storedByOld).toEqual(expect.arrayContaining(byOld));
    expect(storedByOld).not.toEqual(expect.arrayContaining(byNew.slice(0, 1)));
    const { events } = await queryEvents(world, { limit: 1000 });
    expect(events.map(({ id }) => id)).toEqual(newestFirst(all));
    const range = { fromMs: world.time.nowMs - DAY_MS, toMs: world.time.nowMs };
    expect((await countEvents(world, range)).by_type).toEqual({ token_used: 30 });
  });
});
