import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type EventQuery, queryEvents } from "../../shared/audit-log/query-events.ts";
import { storeEvents } from "../../shared/audit-log/store-events.ts";
import { SECOND_MS } from "../../shared/core/clock.ts";
import { createEvent, getEventTypes, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { createWorld, type World } from "./store.ts";

const START_MS = Date.parse("2026-11-23T10:00:00.000Z");
const MINUTE = 60 * SECOND_MS;

/** Random events. Each field has few possible values, so that events share users, tokens and batch items. */
const factsArbitrary = fc.record({
  eventType: fc.constantFrom(
    "token_used",
    "auth_failed",
    "consent_given",
    "scope_validation_success",
  ),
  clientId: fc.constantFrom("app", "web", undefined),
  userId: fc.constantFrom("ada", "grace", undefined),
  tokenId: fc.constantFrom("t1", "t2", undefined),
  ip: fc.constantFrom("203.0.113.1", "2001:db8::1", undefined),
  checked: fc.boolean(),
  /** Most events are small. Some are too large for a batch item. */
  note: fc.constantFrom("", "", "", "x".repeat(3000)),
  atMs: fc.nat(MINUTE),
});

const historyArbitrary = fc.record({
  facts: fc.array(factsArbitrary, { minLength: 1, maxLength: 60 }),
  /** Indexes at which the events are split into batches. */
  cuts: fc.array(fc.nat(60), { maxLength: 4 }),
});

const queryArbitrary = fc.record(
  {
    type: fc.constantFrom("token_used", "scope_validation_success", "consent_given"),
    clientId: fc.constantFrom("app", "web"),
    userId: fc.constantFrom("ada", "grace"),
    tokenId: fc.constantFrom("t1", "t2"),
    ip: fc.constantFrom("203.0.113.1", "2001:db8::1"),
    security: fc.constant(true),
    fromMs: fc.nat(MINUTE).map((ms) => START_MS + ms),
    toMs: fc.nat(MINUTE).map((ms) => START_MS + ms),
  },
  { requiredKeys: [] },
);

type Facts = typeof factsArbitrary extends fc.Arbitrary<infer T> ? T : never;

function toEvent({ eventType, clientId, userId, tokenId, ip, checked, note, atMs }: Facts) {
  const details = {
    note,
    ...(tokenId !== undefined && { token_id: tokenId }),
    ...(ip !== undefined && { ip }),
    ...(checked && { required_scopes: ["api:read"], success: true }),
  };
  return createEvent({ eventType, clientId, userId, details }, START_MS + atMs);
}

/** Computes the expected result of a query from every event. */
function expected(events: readonly OAuthEvent[], query: Omit<EventQuery, "limit">) {
  const { type, clientId, userId, tokenId, ip, security, fromMs = 0, toMs = Infinity } = query;
  return events
    .filter((event) => {
      const atMs = Date.parse(event.occurred_at);
      return (
        (type === undefined || getEventTypes(event).includes(type)) &&
        (type !== undefined || !security || event.event_type === "auth_failed") &&
        (clientId === undefined || event.oauth_client_id === clientId) &&
        (userId === undefined || event.user_id === userId) &&
        (tokenId === undefined || event.event_data.token_id === tokenId) &&
        (ip === undefined || event.event_data.ip === ip) &&
        atMs >= fromMs &&
        atMs < toMs
      );
    })
    .map((event) => ({ ...event, event_type: type ?? event.event_type }))
    .toSorted((a, b) => (`${a.occurred_at}#${a.id}` < `${b.occurred_at}#${b.id}` ? 1 : -1));
}

/** Returns all pages of a query. */
async function everyPage(world: World, query: EventQuery) {
  const found: unknown[] = [];
  let cursor: string | undefined;
  do {
    const page = await queryEvents(world, { ...query, cursor });
    expect(page.events.length).toBeLessThanOrEqual(query.limit);
    found.push(...page.events.map(({ created_at: _, expires_at: __, ...event }) => event));
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return found;
}

describe("audit log", () => {
  it("returns the expected events for every query, however the events were batched", async () => {
    await fc.assert(
      fc.asyncProperty(
        historyArbitrary,
        fc.array(queryArbitrary, { minLength: 6, maxLength: 6 }),
        fc.constantFrom(1, 3, 50),
        async ({ facts, cuts }, queries, limit) => {
          const world = await createWorld();
          const events = facts.map(toEvent);
          const ends = [
            ...cuts.map((cut) => cut % events.length).toSorted((a, b) => a - b),
            events.length,
          ];
          for (const [n, end] of ends.entries()) {
            // A batch repeats events of the previous batch, because deliveries overlap.
            const batch = events.slice(Math.max(0, (ends[n - 1] ?? 0) - 3), end);
            const { retry, rejected } = await storeEvents(world, batch, world);
            expect([...retry, ...rejected]).toEqual([]);
          }
          for (const query of [{}, ...queries]) {
            const want = expected(events, query).map((event) => JSON.parse(JSON.stringify(event)));
            expect(await everyPage(world, { ...query, limit })).toEqual(want);
          }
        },
      ),
      { numRuns: Number(process.env.AUDIT_LOG_RUNS ?? 12) },
    );
  });
});
