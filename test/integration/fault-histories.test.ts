import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { queryEvents } from "../../shared/audit-log/query-events.ts";
import { storeEvents } from "../../shared/audit-log/store-events.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, toInstant } from "../../shared/core/clock.ts";
import { createEvent, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { countTokens } from "../../shared/statistics/count-tokens.ts";
import { countEvents } from "../../shared/statistics/event-buckets.ts";
import { createWorld, type World } from "./store.ts";
import { throttled } from "./store-traffic.ts";

/**
 * Number of histories. Raise `FAULT_HISTORIES` for a longer search. When a history fails, fast-check prints its seed.
 */
const HISTORIES = Number(process.env.FAULT_HISTORIES ?? 30);

const START_MS = Date.parse("2026-11-23T10:00:00.000Z");
const LIFETIME_MS = HOUR_MS;

type Kind = "use" | "failure" | "issue" | "revoke";

interface Step {
  readonly kind: Kind;
  /** Index of the token among the history's few tokens. */
  readonly token: number;
  readonly afterMs: number;
}

/** The result of one call to the store. */
type Fault = "throttle" | "server error" | "lost answer" | "kill";

interface Delivery {
  /** Indexes of the events in one delivery. Any of them may have been delivered before. */
  readonly events: readonly number[];
  /** The transaction of the batch that fails, and how it fails. */
  readonly fault?: { readonly at: number; readonly kind: Fault };
}

const historyArbitrary = fc
  .array(
    fc.record({
      kind: fc.constantFrom<Kind>("use", "failure", "issue", "revoke"),
      token: fc.nat(2),
      afterMs: fc.integer({ min: 0, max: 10 * MINUTE_MS }),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .chain((steps) =>
    fc.record({
      steps: fc.constant<readonly Step[]>(steps),
      deliveries: fc.array(
        fc.record(
          {
            events: fc.array(fc.nat(steps.length - 1), { minLength: 1, maxLength: 6 }),
            fault: fc.record({
              at: fc.nat(2),
              kind: fc.constantFrom<Fault>("throttle", "server error", "lost answer", "kill"),
            }),
          },
          { requiredKeys: ["events"] },
        ),
        { minLength: 1, maxLength: 5 },
      ) as fc.Arbitrary<readonly Delivery[]>,
    }),
  );

const TYPES: Readonly<Record<Kind, string>> = {
  use: "token_used",
  failure: "auth_failed",
  issue: "token_issued",
  revoke: "token_revoked",
};

function toEvents(steps: readonly Step[], clientId: string, startMs: number): OAuthEvent[] {
  let atMs = startMs;
  return steps.map(({ kind, token, afterMs }) => {
    atMs += afterMs;
    const details = {
      token_id: `${clientId}-${token}`,
      ip: "203.0.113.9",
      ...(kind === "issue" && { expires_at: toInstant(atMs + LIFETIME_MS) }),
    };
    return createEvent({ eventType: TYPES[kind], clientId, details }, atMs);
  });
}

/** Computes the expected events and counters, regardless of the deliveries. */
function expected(events: readonly OAuthEvent[]) {
  const byType: Record<string, number> = {};
  for (const { event_type } of events) byType[event_type] = (byType[event_type] ?? 0) + 1;
  const tokens = new Map<string, OAuthEvent[]>();
  for (const event of events) {
    const id = String(event.event_data.token_id);
    tokens.set(id, [...(tokens.get(id) ?? []), event]);
  }
  const of = (type: string) => (life: readonly OAuthEvent[]) =>
    life.filter(({ event_type }) => event_type === type);
  const [issuedOf, revokedOf] = [of("token_issued"), of("token_revoked")];
  const issued = [...tokens.values()].filter((life) => issuedOf(life).length > 0);
  const revoked = issued.filter((life) => {
    const [issue, revocation] = [issuedOf(life)[0], revokedOf(life)[0]];
    return revocation && revocation.occurred_at < String(issue?.event_data.expires_at);
  });
  // The first stored event decides if two report the same token's issue or revocation.
  const plain = [...tokens.values()].every(
    (life) => issuedOf(life).length <= 1 && revokedOf(life).length <= 1,
  );
  return { byType, issued: issued.length, revoked: plain ? revoked.length : undefined };
}

/** Delivers a batch with its error, and returns the events that the store accepted. */
async function deliver(world: World, batch: readonly OAuthEvent[], fault: Delivery["fault"]) {
  let dead = false;
  world.traffic.reset();
  world.traffic.fault = ({ operation, index }) => {
    if (dead) return { error: new Error("killed") };
    if (operation !== "TransactWriteItems" || index !== fault?.at) return undefined;
    switch (fault.kind) {
      case "throttle":
        return { error: throttled() };
      case "server error":
        return {
          error: Object.assign(new Error("unavailable"), { name: "InternalServerError" }),
        };
      case "lost answer":
        return { error: new Error("socket hang up"), afterwards: true };
      case "kill":
        dead = true;
        return { error: new Error("killed"), afterwards: index % 2 === 1 };
    }
  };
  try {
    const { clock, registered } = world;
    const outcome = await storeEvents(world, batch, {
      clock,
      registered,
      maxAttempts: 2,
      retryDelayMs: 0,
    });
    expect(outcome.rejected).toEqual([]);
    return outcome;
  } catch {
    return undefined;
  } finally {
    world.traffic.fault = undefined;
  }
}

describe("any history of deliveries and errors", () => {
  it("ends with every event stored and counted once", { timeout: 1_200_000 }, async () => {
    const world = await createWorld();
    let histories = 0;
    await fc.assert(
      fc.asyncProperty(historyArbitrary, async ({ steps, deliveries }) => {
        histories += 1;
        const clientId = `history-${histories}`;
        // One day per history, so that later histories do not read more counters.
        const startMs = START_MS - (histories % 300) * DAY_MS;
        world.time.nowMs = startMs + 3 * HOUR_MS;
        const events = toEvents(steps, clientId, startMs);
        for (const { events: indexes, fault } of deliveries) {
          await deliver(
            world,
            indexes.map((index) => events[index] as OAuthEvent),
            fault,
          );
        }
        // Unacknowledged events are delivered again, the last time to a healthy store.
        const last = await deliver(world, events, undefined);
        expect(last?.retry.map(({ reason }) => reason)).toEqual([]);
        const repeated = await deliver(world, events, undefined);
        expect(repeated?.stored).toEqual([]);

        const stored = await queryEvents(world, { clientId, limit: 100 });
        expect(stored.events.map(({ id }) => id).sort()).toEqual(events.map(({ id }) => id).sort());
        const range = { fromMs: startMs, toMs: startMs + 3 * HOUR_MS };
        const want = expected(events);
        expect((await countEvents(world, range, clientId)).by_type).toEqual(want.byType);
        const tokens = (await countTokens(world, { ...range, nowMs: startMs })).get(clientId);
        expect(tokens?.issued ?? 0).toBe(want.issued);
        if (want.revoked !== undefined) expect(tokens?.revoked ?? 0).toBe(want.revoked);
      }),
      { numRuns: HISTORIES },
    );
  });
});
