import { setTimeout as sleep } from "node:timers/promises";
import { BatchWriteCommand, type NativeAttributeValue, paginateScan } from "@aws-sdk/lib-dynamodb";
import { beforeAll, describe, expect, it } from "vitest";
import { archiveReplay } from "../../cli/commands/archive.ts";
import { queueNamed } from "../../local/services/queues.ts";
import { Random } from "../../local/traffic/world/random.ts";
import { queryEvents } from "../../shared/audit-log/query-events.ts";
import { DAY_MS, HOUR_MS, toInstant } from "../../shared/core/clock.ts";
import { TABLES, type TableDefinition } from "../../shared/core/tables.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { issueToken, listClients, revokeToken, tokenUsageStats } from "../../shared/index.ts";
import { useStack } from "./stack.ts";
import { stackTarget } from "./stack-target.ts";

const scene = useStack();

/** Tables that the subscriber writes. All of their content derives from events. */
const DERIVED = ["EVENTS_TABLE", "COUNTERS_TABLE", "ISSUANCES_TABLE", "CLIENTS_TABLE"] as const;

type Item = Record<string, NativeAttributeValue>;
type Backup = Readonly<Record<(typeof DERIVED)[number], readonly Item[]>>;

const tableName = (variable: (typeof DERIVED)[number]) => {
  const { eventsTable, countersTable, issuancesTable, clientsTable } = scene().library;
  return {
    EVENTS_TABLE: eventsTable,
    COUNTERS_TABLE: countersTable,
    ISSUANCES_TABLE: issuancesTable,
    CLIENTS_TABLE: clientsTable,
  }[variable];
};

async function getItems(TableName: string): Promise<Item[]> {
  const items: Item[] = [];
  const { db: client } = scene().library;
  for await (const page of paginateScan({ client }, { TableName }))
    items.push(...(page.Items ?? []));
  return items;
}

/** Returns a snapshot of the tables. */
const backup = async (): Promise<Backup> =>
  Object.fromEntries(
    await Promise.all(
      DERIVED.map(async (variable) => [variable, await getItems(tableName(variable))] as const),
    ),
  ) as unknown as Backup;

const EMPTY = Object.fromEntries(DERIVED.map((variable) => [variable, []])) as unknown as Backup;

/** Restores every derived table to a snapshot and restarts the subscriber, as docs/disaster.md describes. */
async function restore(wanted: Backup): Promise<void> {
  const { stack } = scene();
  const { db } = scene().library;
  for (const variable of DERIVED) {
    const { partitionKey, sortKey }: TableDefinition = TABLES[variable];
    const table = tableName(variable);
    const requests = (await getItems(table)).map((item) => ({
      DeleteRequest: {
        Key: {
          [partitionKey]: item[partitionKey],
          ...(sortKey !== undefined && { [sortKey]: item[sortKey] }),
        },
      },
    }));
    const puts = wanted[variable].map((Item) => ({ PutRequest: { Item } }));
    for (const each of [requests, puts]) {
      for (let start = 0; start < each.length; start += 25) {
        const RequestItems = { [table]: each.slice(start, start + 25) };
        const { UnprocessedItems = {} } = await db.send(new BatchWriteCommand({ RequestItems }));
        expect(Object.keys(UnprocessedItems)).toEqual([]);
      }
    }
  }
  // The subscriber caches the values that it has registered today.
  stack.functions.kill(stack.named("function", "Subscriber"));
}

/** Returns everything that readers can query: the audit log, the statistics and the clients. */
async function known(nowMs: number) {
  const { library } = scene();
  const at = { ...library, clock: () => nowMs };
  const range = { fromMs: nowMs - DAY_MS, toMs: nowMs };
  const { events } = await queryEvents(library, { limit: 1000 });
  return {
    events: events
      // The storage times differ after a replay.
      .map(({ created_at: _, expires_at: __, ...event }) => event)
      .sort((a, b) => a.id.localeCompare(b.id)),
    stats: await tokenUsageStats(at, range),
    ofShop: await tokenUsageStats(at, range, { clientId: "shop" }),
    clients: (await listClients(at)).map(({ created_at: _, ...client }) => client),
  };
}

/**
 * Generates every kind of traffic: allowed and denied calls, issued and revoked tokens, and another producer's events.
 */
async function traffic(part: string): Promise<void> {
  const { library, get, caller } = scene();
  const owner = { clientId: "shop", userId: "ada", scopes: ["api:read"], expiresInSeconds: 3600 };
  for (let n = 0; n < 4; n += 1) {
    const { secret, token } = await issueToken(library, owner);
    await get(`/api/${part}/${n}`, secret);
    if (n % 2 === 0) await revokeToken(library, token.token_id);
    await get(`/api/${part}/${n}`, secret);
    await get(`/api/${part}/${n}`, `oam_unknown${n}`);
    await get(`/api/${part}/${n}`, caller);
  }
  await library.sink.publish(
    Array.from({ length: 20 }, (_, n) =>
      createEvent({ eventType: "consent_given", clientId: part, details: { n } }, Date.now() + n),
    ),
  );
}

describe("archive replay after the tables are lost", () => {
  let halfWay: Backup;
  let wanted: Awaited<ReturnType<typeof known>>;
  let startMs = 0;
  let endMs = 0;

  beforeAll(async () => {
    startMs = Date.now() - 1000;
    await traffic("before");
    await scene().settle();
    halfWay = await backup();
    await traffic("after");
    await scene().settle();
    // A fixed time after the last event, so that every query uses the same range.
    await sleep(50);
    endMs = Date.now() + HOUR_MS / 60;
    wanted = await known(endMs);
    expect(wanted.events.length).toBeGreaterThan(80);
    expect(wanted.ofShop).toMatchObject({ total_tokens_issued: 8, revoked_tokens: 4 });
  }, 60_000);

  const replay = async () => {
    await archiveReplay(stackTarget(scene()), { from: toInstant(startMs), to: toInstant(endMs) });
    await scene().settle();
  };

  it.each<[string, () => Backup]>([
    ["restored from a backup", () => halfWay],
    ["that are new and empty", () => EMPTY],
  ])("restores the audit log, statistics and clients into tables %s", async (_, found) => {
    await restore(found());
    expect((await known(endMs)).events.length).toBeLessThan(wanted.events.length);
    await replay();
    expect(await known(endMs)).toEqual(wanted);
  });

  it("produces the same result in any order, with duplicates, and when it is repeated", async () => {
    const { stack } = scene();
    const buffer = queueNamed(stack.queues, stack.named("queue", "Buffer"));
    const random = new Random(1, "disaster");
    await restore(halfWay);
    buffer.disorder = { fraction: () => random.fraction(), duplicateShare: 0.3 };
    await replay();
    await replay();
    buffer.disorder = undefined;
    expect(await known(endMs)).toEqual(wanted);
  });
});
