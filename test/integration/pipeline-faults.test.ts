import type { APIGatewayRequestAuthorizerEvent } from "aws-lambda";
import fc from "fast-check";
import { describe, expect, inject, it, vi } from "vitest";
import { Template } from "../../local/services/template.ts";
import { queryEvents } from "../../shared/audit-log/query-events.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../shared/core/clock.ts";
import { createEvent, getEventTypes, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { issueToken, revokeToken } from "../../shared/index.ts";
import { countTokens } from "../../shared/statistics/count-tokens.ts";
import { countEvents } from "../../shared/statistics/event-buckets.ts";
import type { Fault, FaultKind, Service } from "./faulty-wire.ts";
import { type BatchOptions, type Delivery, Pipeline } from "./pipeline.ts";
import { createWorld, type World } from "./store.ts";

// Retries have no delay, so a history takes milliseconds although it makes the usual number of attempts.
vi.mock("node:timers/promises", async (original) => ({
  ...(await original<object>()),
  setTimeout: async () => {},
}));

/** A third of the requested histories, because each covers the whole pipeline with several errors. */
const HISTORIES = Math.ceil(Number(process.env.FAULT_HISTORIES ?? 30) / 3);

const LAST_DAY_MS = Date.parse("2026-11-23T10:00:00.000Z");
/** One day per history, so that later histories do not read more. */
const DAYS = 300;

/** Longer than any history. */
const RANGE_MS = 2 * HOUR_MS;

/** Number of tokens that callers have at a time. */
const SLOTS = 2;

type Action =
  | {
      readonly do: "issue";
      readonly slot: number;
      readonly narrow: boolean;
      readonly long: boolean;
    }
  | { readonly do: "revoke"; readonly slot: number }
  | { readonly do: "call"; readonly slot: number; readonly method: "GET" | "POST" }
  | { readonly do: "publish"; readonly count: number }
  | { readonly do: "republish"; readonly batch: BatchOptions }
  | { readonly do: "store"; readonly batch: BatchOptions };

interface Step {
  readonly action: Action;
  readonly faults: readonly Fault[];
  readonly afterMs: number;
}

/** A token that a caller has, and its known state. */
interface Held {
  readonly secret: string;
  readonly tokenId: string;
  readonly narrow: boolean;
  readonly expiresMs: number;
  /** A revocation whose answer was lost may have happened. */
  revoked: "no" | "maybe" | "yes";
}

const slot = fc.nat(SLOTS - 1);
const batch = (max: number) =>
  fc.record({
    size: fc.integer({ min: 1, max }),
    turn: fc.nat(max - 1),
    redeliver: fc.boolean(),
  });

const actionArbitrary: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("issue"),
      slot,
      narrow: fc.boolean(),
      long: fc.boolean(),
    }),
  },
  // There is one more slot than there are tokens, for a caller with an unknown token.
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("call"),
      slot: fc.nat(SLOTS),
      method: fc.constantFrom("GET", "POST"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("revoke"), slot }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("publish"), count: fc.integer({ min: 2, max: 12 }) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("republish"), batch: batch(10) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("store"), batch: batch(20) }) },
);

const rejected = fc.integer({ min: 1, max: 15 });

/** An error that occurs at one of the first calls, or later. */
const LAST_CALL: Readonly<Record<Service, number>> = {
  bus: 2,
  queue: 1,
  store: 4,
  transactions: 2,
};

const arbitraryFault = (service: Service): fc.Arbitrary<Fault> =>
  fc.record({
    service: fc.constant(service),
    kind: fc.constantFrom<FaultKind>(
      "throttle",
      "server error",
      "no answer",
      "lost answer",
      "partial",
      "kill before",
      "kill after",
    ),
    from: fc.nat(LAST_CALL[service]),
    calls: fc.integer({ min: 1, max: 3 }),
    rejected,
  });

/** Generates an error that outlasts every retry. */
const arbitraryOutage = (service: Service): fc.Arbitrary<Fault> =>
  fc.record({
    service: fc.constant(service),
    kind: fc.constantFrom<FaultKind>("throttle", "no answer", "lost answer", "partial"),
    from: fc.nat(LAST_CALL[service]),
    calls: fc.constant(100),
    rejected,
  });

const BUS_DOWN: Fault = { service: "bus", kind: "no answer", from: 0, calls: 100, rejected: 1 };

const faultsArbitrary: fc.Arbitrary<readonly Fault[]> = fc.oneof(
  fc.array(
    fc.oneof(
      arbitraryFault("bus"),
      arbitraryFault("queue"),
      arbitraryFault("store"),
      arbitraryFault("transactions"),
    ),
    {
      maxLength: 3,
    },
  ),
  fc.tuple(
    fc.oneof(arbitraryOutage("bus"), arbitraryOutage("store"), arbitraryOutage("transactions")),
  ),
  // Neither the bus nor the queue behind it works.
  fc.tuple(arbitraryOutage("bus"), fc.oneof(arbitraryFault("queue"), arbitraryOutage("queue"))),
);

const stepArbitrary: fc.Arbitrary<Step> = fc.record({
  action: actionArbitrary,
  faults: faultsArbitrary,
  afterMs: fc.integer({ min: 0, max: 4 * MINUTE_MS }),
});

const historyArbitrary = fc.record({
  steps: fc.array(stepArbitrary, { minLength: 1, maxLength: 12, size: "max" }),
  deliveries: fc.array(fc.constantFrom<Delivery>("once", "twice", "late"), {
    minLength: 1,
    maxLength: 4,
  }),
});

function gatewayEvent(method: string, secret: string, requestId: string) {
  return {
    methodArn: `arn:aws:execute-api:us-east-1:000000000000:api/prod/${method}/api/x`,
    httpMethod: method,
    path: "/api/x",
    multiValueHeaders: { Authorization: [`Bearer ${secret}`] },
    requestContext: { requestId, identity: { sourceIp: "203.0.113.9" } },
  } as unknown as APIGatewayRequestAuthorizerEvent;
}

/** Whether the call may be allowed. Undefined if the token's state is not known. */
function mayPass(held: Held | undefined, method: string, nowMs: number): boolean | undefined {
  if (!held || held.expiresMs <= nowMs || held.revoked === "yes") return false;
  if (held.narrow && method !== "GET") return false;
  return held.revoked === "maybe" ? undefined : true;
}

/** Runs a history and keeps track of the tokens that callers have. */
class Callers {
  readonly #held: (Held | undefined)[] = [];
  readonly secrets: string[] = [];

  constructor(
    private readonly world: World,
    private readonly pipeline: Pipeline,
  ) {}

  async act(action: Action, faults: readonly Fault[]): Promise<void> {
    const { pipeline } = this;
    switch (action.do) {
      case "issue":
        return this.#issue(action, faults);
      case "revoke":
        return this.#revoke(this.#held[action.slot], faults);
      case "call":
        return this.#call(action, faults);
      case "publish":
        await pipeline.produce(({ sink, clock }) => {
          const details = { user_agent: "a producer" };
          const facts = { eventType: "consent_given", clientId: "producer", details };
          return sink.publish(
            Array.from({ length: action.count }, (_, n) => createEvent(facts, clock() + n)),
          );
        }, faults);
        return;
      case "republish":
        return pipeline.republish(action.batch, faults);
      case "store":
        return pipeline.store(action.batch, faults);
    }
  }

  async #issue(action: Action & { do: "issue" }, faults: readonly Fault[]): Promise<void> {
    const expiresInSeconds = action.long ? 3600 : 300;
    const scopes = action.narrow ? ["api:read"] : ["api:read", "api:write"];
    const issued = await this.pipeline.produce(
      (context) => issueToken(context, { clientId: "app", scopes, expiresInSeconds }),
      faults,
    );
    if (!issued) return;
    this.secrets.push(issued.secret);
    this.#held[action.slot] = {
      secret: issued.secret,
      tokenId: issued.token.token_id,
      narrow: action.narrow,
      expiresMs: this.world.time.nowMs + expiresInSeconds * SECOND_MS,
      revoked: "no",
    };
  }

  async #revoke(held: Held | undefined, faults: readonly Fault[]): Promise<void> {
    if (!held) return;
    const done = await this.pipeline.produce(
      (context) => revokeToken(context, held.tokenId),
      faults,
    );
    if (done) held.revoked = "yes";
    else if (held.revoked === "no") held.revoked = "maybe";
  }

  async #call(action: Action & { do: "call" }, faults: readonly Fault[]): Promise<void> {
    const held = this.#held[action.slot];
    const secret = held?.secret ?? `oam_${"A".repeat(43)}`;
    const event = gatewayEvent(action.method, secret, `request-${this.pipeline.offered.size}`);
    const { answer, struck } = await this.pipeline.call(event, faults);
    const right = mayPass(held, action.method, this.world.time.nowMs);
    if (answer === "Allow") expect(right).not.toBe(false);
    if (!struck && right !== undefined) expect(answer === "Allow").toBe(right);
  }
}

/** Computes the expected counters from the stored events. */
function expected(events: readonly OAuthEvent[]) {
  const byType: Record<string, number> = {};
  for (const type of events.flatMap(getEventTypes)) byType[type] = (byType[type] ?? 0) + 1;
  const of = (type: string) => events.filter(({ event_type }) => event_type === type);
  const issued = new Map(of("token_issued").map((event) => [event.event_data.token_id, event]));
  const revoked = of("token_revoked").filter(({ event_data, occurred_at }) => {
    const issue = issued.get(event_data.token_id);
    return issue && occurred_at < String(issue.event_data.expires_at);
  });
  return { byType, issued: issued.size, revoked: revoked.length };
}

/** Returns the expected stored events: every event that was not lost, once. */
async function storedEvents(world: World, pipeline: Pipeline, startMs: number) {
  const { accepted, killed, logged, offered, denied: rejected } = pipeline;
  const range = { fromMs: startMs, toMs: startMs + RANGE_MS };
  const { events } = await queryEvents(world, { ...range, limit: 1000 });
  const ids = new Set(events.map(({ id }) => id));
  expect(ids.size).toBe(events.length);
  expect([...ids].filter((id) => !offered.has(id))).toEqual([]);
  expect([...accepted].filter((id) => !ids.has(id))).toEqual([]);
  // The log contains every event that was reported as lost, and the test published these events again from there.
  const loggedIds = new Set(logged.map(({ id }) => id));
  expect([...rejected].filter((id) => !loggedIds.has(id))).toEqual([]);
  expect([...loggedIds].filter((id) => !ids.has(id))).toEqual([]);
  // Only a killed process can lose events, and only events that it had not confirmed.
  if (!killed) expect(ids).toEqual(new Set(offered.keys()));
  return [...ids].map((id) => offered.get(id) as OAuthEvent);
}

/** Compares the counters with the model. */
async function checkCounters(world: World, stored: readonly OAuthEvent[], startMs: number) {
  const range = { fromMs: startMs, toMs: startMs + RANGE_MS };
  const want = expected(stored);
  expect((await countEvents(world, range)).by_type).toEqual(want.byType);
  const tokens = (await countTokens(world, { ...range, nowMs: startMs })).get("app");
  expect(tokens).toMatchObject({ issued: want.issued, revoked: want.revoked });
}

/** Counts of the cases that the histories reached. A search that never reaches these cases proves nothing. */
type Reached = Record<"allowed" | "spooled" | "lost" | "killed" | "stored twice", number>;

function note(reached: Reached, pipeline: Pipeline): void {
  const metric = (name: string) => pipeline.metrics.get(name) ?? 0;
  reached.allowed += metric("authorizer Allowed");
  reached.spooled += metric("republisher EventsReturned");
  reached.lost += pipeline.logged.length;
  reached.killed += pipeline.killed ? 1 : 0;
  reached["stored twice"] += metric("subscriber EventsDuplicate");
}

describe("any history of calls and errors in the whole pipeline", () => {
  it("never wrongly allows a call, and ends with every event stored and counted once", {
    timeout: 1_200_000,
  }, async () => {
    const template = new Template(inject("assembly"), "http://localhost");
    let world = await createWorld();
    let histories = 0;
    const reached: Reached = { allowed: 0, spooled: 0, lost: 0, killed: 0, "stored twice": 0 };
    await fc.assert(
      fc.asyncProperty(historyArbitrary, async ({ steps, deliveries }) => {
        if (histories > 0 && histories % DAYS === 0) world = await createWorld();
        const startMs = LAST_DAY_MS - (histories % DAYS) * DAY_MS;
        histories += 1;
        world.time.nowMs = startMs;
        const pipeline = new Pipeline(world, template, deliveries);
        const callers = new Callers(world, pipeline);
        // The second token is issued while the bus is down, so the event is spooled first.
        await callers.act({ do: "issue", slot: 0, narrow: false, long: true }, []);
        await callers.act({ do: "issue", slot: 1, narrow: true, long: true }, [BUS_DOWN]);
        for (const { action, faults, afterMs } of steps) {
          await callers.act(action, faults);
          world.time.nowMs += afterMs + SECOND_MS;
        }
        // Events that could not be spooled either are only in the log. An operator publishes them again, from a process
        // without open circuits.
        const { logged } = pipeline;
        await pipeline.produce(({ sink }) => sink.publish(logged), [], "operator");
        await pipeline.recover();
        expect(pipeline.deadLetters).toBe(0);
        const stored = await storedEvents(world, pipeline, startMs);

        // Replays everything once more.
        pipeline.replay();
        await pipeline.recover();
        expect(await storedEvents(world, pipeline, startMs)).toHaveLength(stored.length);
        await checkCounters(world, stored, startMs);

        const log = JSON.stringify(pipeline.log);
        for (const secret of callers.secrets) expect(log).not.toContain(secret);
        note(reached, pipeline);
        pipeline.close();
      }),
      { numRuns: HISTORIES },
    );
    if (HISTORIES >= 100) {
      for (const [name, times] of Object.entries(reached)) expect(times, name).toBeGreaterThan(10);
    }
  });
});
