import { randomBytes, randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { authorize, type ProtectedRequest } from "../../shared/authorization/authorize.ts";
import { createDocumentClient } from "../../shared/dynamodb/document-client.ts";
import type { OAuthEvent } from "../../shared/envelope/oauth-event.ts";
import { storeEvents } from "../../shared/event-store/store-events.ts";
import { meterStore } from "../cost/store-meter.ts";
import { createWorld } from "./store.ts";

const random = (bytes: number) => randomBytes(bytes).toString("base64url");
const ipv6 = (prefix: string, groups: number) =>
  `${prefix}:${(
    randomBytes(groups * 2)
      .toString("hex")
      .match(/.{4}/g) ?? []
  ).join(":")}`;

/** Calls of one batch of the subscriber. */
const BATCH = 200;

/**
 * Makes events of calls without valid credentials, as the authorizer does, and stores two batches of them.
 *
 * @returns write units for each call of the second batch, by table, those of indexes included
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
      expect((await authorize(context, request)).outcome).toBe("unauthenticated");
    }
    for (const task of deferred.splice(0)) await task();
    expect(events).toHaveLength(BATCH);
    const outcome = await storeEvents(world.context, events, {
      clock: world.clock,
      entered: world.entered,
    });
    expect(outcome.stored).toHaveLength(BATCH);
  };
  await batch();
  const reader = createDocumentClient("interactive", { endpoint: world.endpoint });
  const meter = meterStore(world.db, reader, world.clock);
  await batch();
  meter.stop();
  const units: Record<string, number> = {};
  for (const { part, price, quantity } of meter.usages) {
    if (price === "dynamodb.write") units[part] = (units[part] ?? 0) + quantity / BATCH;
  }
  console.log(units);
  return Object.values(units).reduce((sum, each) => sum + each, 0);
}

describe("a call without valid credentials", () => {
  it.each<[string, () => Partial<ProtectedRequest>]>([
    ["from one IPv4 address", () => ({})],
    ["from the addresses of one IPv6 network", () => ({ ip: ipv6("2001:db8:1:2", 4) })],
    [
      "with a token that nobody issued",
      () => ({ authorization: [`Bearer oam_${random(32)}`], ip: ipv6("2001:db8:1:2", 4) }),
    ],
    ["rot 64", () => ({ ip: ipv6("2001:db8:1", 5) })],
    ["rot 32", () => ({ ip: ipv6("2001:db8", 6) })],
    ["rot 4", () => ({ ip: [...randomBytes(4)].join(".") })],
  ])("costs at most four write units %s", async (_, call) => {
    expect(await unitsOfCalls(call)).toBeLessThanOrEqual(4);
  });
});
