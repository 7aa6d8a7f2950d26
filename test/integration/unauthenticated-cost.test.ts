import { randomBytes, randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { storeEvents } from "../../shared/audit-log/store-events.ts";
import { authorize } from "../../shared/authorization/authorize.ts";
import type { ProtectedRequest } from "../../shared/authorization/protected-request.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { meterTransactions } from "./meter-transactions.ts";
import { createWorld } from "./store.ts";

const random = (bytes: number) => randomBytes(bytes).toString("base64url");
const ipv6 = (prefix: string, groups: number) =>
  `${prefix}:${(
    randomBytes(groups * 2)
      .toString("hex")
      .match(/.{4}/g) ?? []
  ).join(":")}`;

/** Calls in one batch of the subscriber. */
const BATCH = 200;

/**
 * Creates events for calls without valid credentials, as the authorizer does, and stores two batches of them.
 *
 * @returns write units per call in the second batch, including units for indexes
 */
async function unitsOfCalls(call: () => Partial<ProtectedRequest>) {
  const world = await createWorld();
  const events: OAuthEvent[] = [];
  const deferred: (() => Promise<unknown>)[] = [];
  const context = {
    ...world.context,
    sink: { publish: async (published: readonly OAuthEvent[]) => void events.push(...published) },
    defer: (task: () => Promise<unknown>) => void deferred.push(task),
  };
  const batch = async () => {
    events.length = 0;
    for (let n = 0; n < BATCH; n += 1) {
      world.time.nowMs += 5;
      const request = {
        method: "GET",
        path: `/api/${random(750)}`,
        authorization: [],
        ip: "203.0.113.9",
        userAgent: random(750),
        requestId: randomUUID(),
        traceId: "1-67891233-abcdef012345678912345678",
        ...call(),
      };
      expect((await authorize(context, request)).outcome).not.toBe("allowed");
    }
    for (const task of deferred.splice(0)) await task();
    expect(events).toHaveLength(BATCH);
    const outcome = await storeEvents(world.context, events, {
      clock: world.clock,
      registered: world.registered,
    });
    expect(outcome.stored).toHaveLength(BATCH);
  };
  await batch();
  meterTransactions(world);
  world.traffic.reset();
  await batch();
  return world.traffic.writeUnits / BATCH;
}

const ONE_SITE = () => ({ ip: ipv6("2001:db8:1:2", 4) });

describe("call without valid credentials, with a new 1 KB path and user agent each time", () => {
  it.each<[string, () => Partial<ProtectedRequest>]>([
    ["from one IPv4 address", () => ({})],
    ["from changing addresses of one IPv6 network", ONE_SITE],
    [
      "with an overlong method and token",
      () => ({ method: random(750), authorization: [`Bearer ${random(9000)}`] }),
    ],
    ["to a path that is rejected", () => ({ path: `/${random(750)}//` })],
  ])("costs at most four write units %s", async (_, call) => {
    expect(await unitsOfCalls(call)).toBeLessThanOrEqual(4);
  });

  it("costs one more unit with a token that must be looked up", async () => {
    // A conditional write that fails is charged as one unit.
    const call = () => ({ ...ONE_SITE(), authorization: [`Bearer oam_${random(32)}`] });
    expect(await unitsOfCalls(call)).toBeLessThanOrEqual(5);
  });

  it("costs six more units from an address that was not counted before", async () => {
    // Two items of the ranking, each of which costs two units in a transaction and one in its index.
    expect(await unitsOfCalls(() => ({ ip: [...randomBytes(4)].join(".") }))).toBeLessThanOrEqual(
      10,
    );
  });
});
