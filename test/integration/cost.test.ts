import type { ConsumedCapacity } from "@aws-sdk/client-dynamodb";
import {
  DeleteCommand,
  GetCommand,
  PutCommand,
  UpdateCommand,
  type UpdateCommandInput,
} from "@aws-sdk/lib-dynamodb";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { Template } from "../../local/services/template.ts";
import { CounterUpdates } from "../../shared/audit-log/counter-updates.ts";
import { countsOfEvent } from "../../shared/audit-log/counts-of-event.ts";
import { toEventItems } from "../../shared/audit-log/event-pack.ts";
import { SECOND_MS } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { TABLES } from "../../shared/core/tables.ts";
import type { Part, Usage } from "../../shared/cost/bill.ts";
import { usageOfMillionCalls } from "../../shared/cost/estimate.ts";
import type { Item } from "../../shared/cost/item-size.ts";
import { DAYS_A_MONTH, GB } from "../../shared/cost/metering.ts";
import type { PriceName } from "../../shared/cost/prices.ts";
import { usageProfile } from "../../shared/cost/usage-profile.ts";
import { writeCapacity } from "../../shared/cost/write-capacity.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { type CallCount, countCalls } from "../cost/count-calls.ts";
import type { TrafficCall } from "../cost/traffic-calls.ts";
import { createWorld, type World } from "./store.ts";

/** Returns a client that leaves ReturnConsumedCapacity to the caller. The world's own client requests only totals. */
const bareClient = ({ endpoint }: World) => createDocumentClient("interactive", { endpoint });

const unitsOf = ({ Table, GlobalSecondaryIndexes = {} }: ConsumedCapacity = {}) => ({
  table: Table?.CapacityUnits ?? 0,
  indexes: Object.values(GlobalSecondaryIndexes).reduce(
    (sum, { CapacityUnits = 0 }) => sum + CapacityUnits,
    0,
  ),
});

const use = (world: World, n: number, agent = "curl/8") =>
  createEvent(
    {
      eventType: "token_used",
      clientId: "app",
      userId: "ada",
      details: {
        ip: "203.0.113.9",
        endpoint: "/api/x",
        user_agent: agent,
        token_id: "t",
        ratio: -0.125,
        list: [1, null, { deep: [true, "é"] }],
      },
    },
    world.time.nowMs + n,
  );

describe("write units calculated by AWS's rule", () => {
  it("equal DynamoDB Local's figures for plain puts and deletes", async () => {
    const world = await createWorld();
    const ReturnConsumedCapacity = "INDEXES" as const;
    const db = bareClient(world);
    const TableName = world.eventsTable;
    const small = toEventItems([use(world, 0)], world.config, world.time.nowMs).items;
    const sizes = [700, 760, 800, 850, 900, 2000, 5000];
    const large = sizes.map((bytes, n) => use(world, n + 1, "a".repeat(bytes)));
    const many = Array.from({ length: 40 }, (_, n) => use(world, 100 + n));
    const { items, packs } = toEventItems([...large, ...many], world.config, world.time.nowMs);
    for (const item of [...small, ...items, ...packs]) {
      const put = await db.send(new PutCommand({ TableName, Item: item, ReturnConsumedCapacity }));
      expect(unitsOf(put.ConsumedCapacity)).toEqual(
        writeCapacity(TABLES.EVENTS_TABLE, undefined, item),
      );
      const { subject_shard, occurred_at_id } = item;
      const gone = await db.send(
        new DeleteCommand({
          TableName,
          Key: { subject_shard, occurred_at_id },
          ReturnConsumedCapacity,
        }),
      );
      expect(unitsOf(gone.ConsumedCapacity)).toEqual(
        writeCapacity(TABLES.EVENTS_TABLE, item, undefined),
      );
    }
    const [item] = small;
    expect(writeCapacity(TABLES.EVENTS_TABLE, undefined, item, { transactional: true })).toEqual({
      table: 2,
      indexes: 4,
    });
  });

  it("equal DynamoDB Local's figures for updates, including counters whose rank changes", async () => {
    const world = await createWorld();
    const db = bareClient(world);
    const TableName = world.countersTable;
    const details = { ip: "203.0.113.9", endpoint: "/api/x" };
    for (let round = 0; round < 3; round += 1) {
      const counters = new CounterUpdates(0);
      const event = createEvent({ eventType: "auth_failed", details }, world.time.nowMs);
      counters.add(countsOfEvent(event));
      for (const { Update } of counters.toTransactItems(TableName, 400)) {
        const Key = Update?.Key as Item;
        const read = () => db.send(new GetCommand({ TableName, Key, ConsistentRead: true }));
        const before = (await read()).Item;
        const { ConsumedCapacity } = await db.send(
          new UpdateCommand({
            ...(Update as UpdateCommandInput),
            ReturnConsumedCapacity: "INDEXES",
          }),
        );
        expect(unitsOf(ConsumedCapacity)).toEqual(
          writeCapacity(TABLES.COUNTERS_TABLE, before, (await read()).Item),
        );
      }
    }
  });
});

/** Default retention of events in days. */
const DAYS = 90;

const CLIENTS = ["shop", "billing"];

/** Simulates 200 calls in one second with ten tokens of two clients. One call in ten is denied. */
const calls = (world: World): TrafficCall[] =>
  Array.from({ length: 200 }, (_, n): TrafficCall => {
    const user = n % 10;
    const refused = n % 10 === 9;
    const ip = refused ? "203.0.113.66" : `198.51.100.${user}`;
    return {
      atMs: world.time.nowMs + n * 4,
      standing: refused ? "unknown" : "good",
      token: refused
        ? undefined
        : {
            tokenId: `01a20a27-742d-708c-86b9-9adfc287380${user}`,
            clientId: CLIENTS[user % 2] as string,
            userId: `user-${user}`,
            before: { agoMs: 60 * SECOND_MS, ip },
          },
      method: "GET",
      path: "/api/orders",
      ip,
      userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    };
  });

const template = new Template(inject("assembly"), "http://localhost");

describe("two hundred calls", () => {
  let count: CallCount;
  beforeAll(async () => {
    const world = await createWorld();
    // A single poller puts all calls into one batch, so the expected figures can be computed by hand.
    count = await countCalls(world, template, calls(world), undefined, 1);
  });

  it("use the expected units in each service", () => {
    expect(count).toMatchObject({ calls: 200, letIn: 180, batches: 1 });
    const of = (part: Part, price: PriceName) =>
      count.usages.find((usage: Usage) => usage.part === part && usage.price === price)?.quantity ??
      0;
    expect(of("authorizer", "lambda.request")).toBe(200);
    expect(of("event bus", "eventbridge.event")).toBe(200);
    // 200 sends, one receive per 10 ms, and 20 deletes of ten messages.
    expect(of("queue", "sqs.request")).toBeCloseTo(200 + 79.6 + 20);
    expect(of("last use of tokens", "dynamodb.write")).toBe(200);
    // One read per call, because the deny list is empty.
    expect(of("restrictions", "dynamodb.read")).toBe(200);
    // Each event costs two units because it is written in a transaction. The 180 events with a user cost one more for
    // the address. The sample decides which events share a transaction. An event that is the only one for its client
    // and type is listed separately in two or three indexes.
    const items = of("events: items", "dynamodb.write");
    expect(items).toBeGreaterThanOrEqual(2 * 200 + 180);
    expect(items).toBeLessThanOrEqual(2 * 200 + 180 + 3 * 2);
    // Four batch items, one or two for each client and type. Each costs two units per KB, and one for each index.
    expect(of("events: packs", "dynamodb.write")).toBeLessThanOrEqual(46);
    // Counts of types by client in two resolutions, twice in each of three transactions, and the failures' rankings.
    // Each sampled use (one in forty-four) costs four, unless the same principal has an earlier use in the transaction,
    // so at most four for each of nine principals.
    expect(of("counters", "dynamodb.write")).toBeLessThanOrEqual(52 + 4 * 9);
    // Retention for two types, and each client's last use with its index entry. The tokens' users and first user agents
    // are already stored.
    expect(of("clients, values in use", "dynamodb.write")).toBe(1 + 2 * 2);
    // Half a unit for each of nine tokens and its user agent, when the process sees the token for the first time.
    expect(of("reads", "dynamodb.read")).toBeLessThanOrEqual(10);

    const bytesEach = (part: Part, price: PriceName) => (of(part, price) * GB) / count.calls;
    const months = DAYS / DAYS_A_MONTH;
    // An event's item with a share of batch items and counters, and the index entry by address.
    expect(bytesEach("recovery", "dynamodb.recovery") / months).toBeLessThanOrEqual(1000);
    expect(bytesEach("storage", "dynamodb.storage") / months).toBeLessThanOrEqual(1850);
    expect(bytesEach("archive", "eventbridge.archive")).toBeLessThanOrEqual(850);
    // One call in ten is denied and logs one line.
    expect(bytesEach("logs", "cloudwatch.logs")).toBeLessThanOrEqual(150);
  });

  it("match the cost model", async () => {
    const { usages } = count;
    const model = await usageOfMillionCalls(
      usageProfile({
        callsPerSecond: 250,
        failures: 0.1,
        unknownFailures: 1,
        clients: 2,
        users: 9,
        callsPerToken: 20,
        moves: 0,
        pollers: 1,
      }),
    );
    const per = (all: readonly Usage[], part: Part, price: PriceName, calls: number) =>
      (all.find((usage) => usage.part === part && usage.price === price)?.quantity ?? 0) / calls;
    for (const [part, price, tolerance] of [
      ["event bus", "eventbridge.event", 0],
      ["queue", "sqs.request", 0.05],
      ["events: items", "dynamodb.write", 0.05],
      ["logs", "cloudwatch.logs", 0.15],
      ["archive", "eventbridge.archive", 0.2],
      ["last use of tokens", "dynamodb.write", 0],
      ["restrictions", "dynamodb.read", 0],
    ] as const) {
      const counted = per(usages, part, price, 200);
      const reckoned = per(model, part, price, 1_000_000);
      expect(Math.abs(reckoned / counted - 1), part).toBeLessThanOrEqual(tolerance + 1e-9);
    }
  });
});
