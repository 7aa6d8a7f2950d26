import { startDynamoDbLocal } from "../../local/services/dynamodb-local.ts";
import { queryEvents } from "../../shared/audit-log/query-events.ts";
import { storeEvents } from "../../shared/audit-log/store-events.ts";
import { toEventItem } from "../../shared/audit-log/stored-event.ts";
import { DAY_MS } from "../../shared/core/clock.ts";
import { createEvent, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { createWorldAt, type World } from "../integration/world.ts";
import type { Benchmark } from "./benchmark.ts";
import { fillTable } from "./fill-table.ts";
import { interleaved } from "./interleaved.ts";
import { median } from "./percentile.ts";
import { sizes } from "./sizes.ts";

const USUAL_SIZES = [10_000, 100_000];
const ROUNDS = 15;
const PAGE = 50;
const CLIENTS = 20;
const TOKENS = 40;

/** The filters that admins use most. */
const PAGES = {
  "all events": {},
  "security events": { security: true },
  "a client's events": { clientId: "client-7" },
  "a client's security events": { clientId: "client-7", security: true },
  "a token's events": { tokenId: "token-7" },
} as const;

/** Creates event `n` of `count` over the last day. One in four is a failure, as during an attack. */
function createSampleEvent(world: World, n: number, count: number): OAuthEvent {
  const token = n % TOKENS;
  const failed = Math.floor(n / TOKENS) % 4 === 0;
  return createEvent(
    {
      eventType: failed ? "auth_failed" : "token_used",
      clientId: `client-${token % CLIENTS}`,
      userId: `user-${token}`,
      details: {
        endpoint: "/api/customers/42/orders/2026-11",
        method: "GET",
        ip: `203.0.113.${n % 250}`,
        user_agent:
          "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0",
        request_id: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        token_id: `token-${token}`,
        ...(failed && { reason: "expired_token" }),
      },
    },
    Math.floor(world.time.nowMs - DAY_MS + (n * DAY_MS) / count),
  );
}

/** Creates a store with `count` events, written as the subscriber writes them but without counters. */
async function createStore(endpoint: string, count: number): Promise<World> {
  const world = await createWorldAt(endpoint);
  // Uses the subscriber's code, so that readers know which retention periods are in use.
  const first = [0, TOKENS].map((n) => createSampleEvent(world, n, count));
  await storeEvents(world, first, world);
  await fillTable(world.db, world.eventsTable, count - first.length, (n) =>
    toEventItem(
      createSampleEvent(world, n + first.length, count),
      world.config,
      world.time.nowMs,
      true,
    ),
  );
  return world;
}

/** Measures the cost of a query's first page for growing numbers of events. `AUDIT_EVENTS` sets the numbers. */
export const auditQuery: Benchmark = {
  name: "audit-query",
  async run(report) {
    const store = await startDynamoDbLocal({ port: 0 });
    try {
      const worlds = new Map<number, World>();
      for (const count of sizes("AUDIT_EVENTS", USUAL_SIZES)) {
        report(`${count} events`);
        worlds.set(count, await createStore(store.endpoint, count));
      }
      const [fewest] = worlds.keys();
      const rows: (string | number)[][] = [];
      for (const [name, filters] of Object.entries(PAGES)) {
        const page = (world: World) => queryEvents(world, { limit: PAGE, ...filters });
        const times = await interleaved(
          Object.fromEntries([...worlds].map(([count, world]) => [count, () => page(world)])),
          { rounds: ROUNDS, warmUp: 3 },
        );
        for (const [count, world] of worlds) {
          world.traffic.reset();
          const { events } = await page(world);
          if (events.length !== PAGE)
            throw new Error(`${name}: the first page has ${events.length} events`);
          const ms = median(times[count] ?? []);
          rows.push([
            name,
            count,
            world.traffic.roundTrips,
            world.traffic.readUnits,
            ms.toFixed(1),
            (ms / median(times[fewest ?? count] ?? [])).toFixed(2),
          ]);
        }
      }
      return [
        {
          title: `Audit log: cost of a first page of ${PAGE} (target: independent of the number of events)`,
          columns: [
            "page",
            "among",
            "round trips",
            "read units",
            "ms",
            "ratio to the smallest log",
          ],
          rows,
        },
      ];
    } finally {
      await store.close();
    }
  },
};
