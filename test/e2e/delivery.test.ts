import { setTimeout as sleep } from "node:timers/promises";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { describe, expect, it } from "vitest";
import { queueNamed } from "../../local/services/queues.ts";
import { deployedEnvironment } from "../../local/start/library-context.ts";
import { Random } from "../../local/traffic/world/random.ts";
import { createEvent, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { LOCAL_ACCESS } from "../../shared/stack/local-stack-file.ts";
import { useStack } from "./stack.ts";

const scene = useStack({ visibilitySeconds: 2 });

/** Publishes with the SDK alone, as any producer could. */
async function putEvents(details: readonly unknown[], eventType = "token_used"): Promise<void> {
  const { stack } = scene();
  const client = new EventBridgeClient({ ...LOCAL_ACCESS, endpoint: stack.eventbridgeEndpoint });
  const { FailedEntryCount } = await client.send(
    new PutEventsCommand({
      Entries: details.map((detail) => ({
        EventBusName: deployedEnvironment(stack).EVENT_BUS_NAME,
        Source: "oauth.monitoring",
        DetailType: `oauth.${eventType}`,
        Detail: JSON.stringify(detail),
      })),
    }),
  );
  expect(FailedEntryCount).toBe(0);
}

const used = (endpoint: string): OAuthEvent =>
  createEvent({ eventType: "token_used", clientId: "producer", details: { endpoint } }, Date.now());

async function storedCount(query: string): Promise<number> {
  const { body } = await scene().get(`/admin/oauth/events?limit=1000&${query}`, scene().admin);
  return body.events.length;
}

describe("event delivery", () => {
  it("stores an event once when it is delivered five times", async () => {
    const event = used("/five-times");
    for (let n = 0; n < 5; n += 1) await putEvents([event]);
    await scene().settle();
    expect(await storedCount("client_id=producer")).toBe(1);
  });

  it.each([
    ["without an id", { ...used("/a"), id: undefined }, /id/],
    ["with a malformed type", { ...used("/a"), event_type: "Token Used" }, /event_type/],
    [
      "whose type differs from its DetailType",
      { ...used("/a"), event_type: "auth_failed" },
      /detail-type/,
    ],
    ["with an invalid time", { ...used("/a"), occurred_at: "yesterday" }, /occurred_at/],
    ["whose data isn't an object", { ...used("/a"), event_data: [1] }, /event_data/],
    ["with an unknown field", { ...used("/a"), extra: 1 }, /extra/],
  ])("moves an event %s to the dead-letter queue with the reason", async (_, detail, reason) => {
    const { stack, settle } = scene();
    const deadLetters = queueNamed(stack.queues, stack.named("queue", "DeadLetters"));
    const before = deadLetters.visible;
    await putEvents([detail]);
    await settle();
    expect(deadLetters.visible).toBe(before + 1);
    const message = deadLetters.messages.at(-1);
    expect(message?.attributes.reason?.StringValue).toMatch(reason);
    expect(JSON.parse(message?.body ?? "").detail).toEqual(JSON.parse(JSON.stringify(detail)));
  });

  it("stores every event once when the subscriber is killed and its batch is redelivered", async () => {
    const { stack, settle } = scene();
    const subscriber = stack.named("function", "Subscriber");
    const events = Array.from({ length: 400 }, (_, n) =>
      createEvent(
        { eventType: "consent_given", clientId: "killed", details: { n } },
        Date.now() + n,
      ),
    );
    for (let start = 0; start < events.length; start += 10) {
      await putEvents(events.slice(start, start + 10), "consent_given");
    }
    for (let n = 0; n < 4; n += 1) {
      await sleep(350);
      stack.functions.kill(subscriber);
    }
    await settle();
    expect(await storedCount("client_id=killed")).toBe(400);
    const { body } = await scene().get("/admin/oauth/stats", scene().admin);
    expect(body.events.by_type.consent_given).toBe(400);
  });

  it("stores every event once when events arrive out of order, twice, or again during a slow batch", async () => {
    const { stack, store, settle } = scene();
    const buffer = queueNamed(stack.queues, stack.named("queue", "Buffer"));
    const random = new Random(1, "queue");
    const events = Array.from({ length: 60 }, (_, n) =>
      createEvent(
        { eventType: "disorder_tried", clientId: "disorder", details: { n } },
        Date.now() + n,
      ),
    );
    const deliveries = new Map(events.map(({ id }) => [id, 0]));
    const { receive } = buffer;
    buffer.receive = (limit) => {
      const messages = receive.call(buffer, limit);
      for (const { body } of messages) {
        const { id } = JSON.parse(body).detail;
        const count = deliveries.get(id);
        if (count !== undefined) deliveries.set(id, count + 1);
      }
      return messages;
    };
    buffer.disorder = { fraction: () => random.fraction(), duplicateShare: 0.3 };
    // A batch makes several calls, so it takes longer than the visibility timeout of two seconds.
    store.delayMs = 900;
    for (let start = 0; start < events.length; start += 10) {
      await putEvents(events.slice(start, start + 10), "disorder_tried");
    }
    await sleep(6000);
    store.delayMs = 0;
    await settle();
    buffer.disorder = undefined;
    buffer.receive = receive;
    expect(Math.min(...deliveries.values())).toBeGreaterThanOrEqual(1);
    expect(Math.max(...deliveries.values())).toBeGreaterThanOrEqual(3);
    expect(await storedCount("client_id=disorder")).toBe(60);
    const { body } = await scene().get("/admin/oauth/stats", scene().admin);
    expect(body.events.by_type.disorder_tried).toBe(60);
  });

  it("loses no event when the bus is down during 200 allowed calls", async () => {
    const { stack, get, caller, settle } = scene();
    const unpublished = queueNamed(stack.queues, stack.named("queue", "Unpublished"));
    stack.eventBus.down = true;
    const statuses = new Map<number, number>();
    for (let start = 0; start < 200; start += 10) {
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, n) => get(`/api/bus-down/${start + n}`, caller)),
      );
      for (const { status } of answers) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    expect(statuses).toEqual(new Map([[200, 200]]));
    // The last authorizer environments are still spooling their events.
    while (unpublished.visible + unpublished.inFlight < 200) await sleep(50);
    expect(await storedCount("client_id=app&type=token_used")).toBe(0);
    stack.eventBus.down = false;
    await settle();
    expect(await storedCount("client_id=app&type=token_used")).toBe(200);
  });

  it("responds to the caller before the bus responds to the authorizer", async () => {
    const { stack, get, caller, settle, busTraffic } = scene();
    const published = () => busTraffic.some((entry) => entry.includes("/api/slow-bus"));
    stack.eventBus.delayMs = 1500;
    expect((await get("/api/slow-bus", caller)).status).toBe(200);
    expect(published()).toBe(false);
    stack.eventBus.delayMs = 0;
    while (!published()) await sleep(50);
    await settle();
    expect(await storedCount("client_id=app&type=token_used")).toBe(201);
  });
});

describe("Lambda concurrency", () => {
  const getId = (name: string) => scene().stack.named("function", name);
  const callRepeatedly = async (calls: number, prefix: string) => {
    const { get, caller } = scene();
    const answers = await Promise.all(
      Array.from({ length: calls }, (_, n) => get(`/api/${prefix}/${n}`, caller)),
    );
    return answers.map(({ status }) => status);
  };
  const trackedCalls = async (prefix: string) => {
    const { body } = await scene().get(
      "/admin/oauth/events?limit=1000&client_id=app&type=token_used",
      scene().admin,
    );
    return body.events.filter(({ event_data }: OAuthEvent) =>
      String(event_data.endpoint).includes(`/${prefix}/`),
    ).length;
  };
  const take = async (name: string, count: number, events: number, eventType: string) => {
    const { stack, settle } = scene();
    stack.functions.reserve(getId(name), count);
    const details = Array.from({ length: events }, (_, n) =>
      createEvent({ eventType, clientId: eventType, details: { n } }, Date.now() + n),
    );
    for (let start = 0; start < events; start += 10) {
      await putEvents(details.slice(start, start + 10), eventType);
    }
    return settle;
  };

  it("makes the API return 503 above the reserved concurrency, and every allowed call is still tracked", async () => {
    const { stack, settle } = scene();
    const before = stack.functions.getThrottles(getId("Authorizer"));
    stack.functions.reserve(getId("Authorizer"), 1);
    const statuses = await callRepeatedly(8, "reserved");
    stack.functions.reserve(getId("Authorizer"), undefined);
    await settle();
    const allowed = statuses.filter((status) => status === 200).length;
    expect(new Set(statuses)).toEqual(new Set([200, 503]));
    expect(stack.functions.getThrottles(getId("Authorizer")) - before).toBe(8 - allowed);
    expect(await trackedCalls("reserved")).toBe(allowed);
  });

  it("keeps a function's reserved concurrency available when the account limit is reached", async () => {
    const { stack, get, caller, settle } = scene();
    stack.functions.reserve(getId("Authorizer"), 4);
    stack.functions.accountConcurrency = 4;
    // The authorizer runs, but its integration has no concurrency left.
    expect((await get("/api/account/none", "unknown")).status).toBe(401);
    expect((await get("/api/account/0", caller)).status).toBeGreaterThanOrEqual(500);
    expect(stack.functions.getThrottles(getId("SampleApi"))).toBe(1);
    stack.functions.accountConcurrency = 6;
    const statuses = await callRepeatedly(1, "account-left");
    stack.functions.accountConcurrency = undefined;
    stack.functions.reserve(getId("Authorizer"), undefined);
    await settle();
    expect(statuses).toEqual([200]);
    expect(await trackedCalls("account")).toBe(1);
  });

  it.each([
    ["two, below the mapping's pollers", 2, "few_tried", 0],
    ["zero for longer than the visibility timeout", 0, "none_tried", 3000],
  ])(
    "lets the subscriber store every event once with a concurrency of %s",
    async (_, reserved, eventType, waitMs) => {
      const { stack } = scene();
      const before = stack.functions.getThrottles(getId("Subscriber"));
      const settle = await take("Subscriber", reserved, 60, eventType);
      await sleep(waitMs);
      if (reserved === 0) {
        expect(await storedCount(`client_id=${eventType}`)).toBe(0);
        expect(stack.functions.getThrottles(getId("Subscriber"))).toBeGreaterThan(before);
        stack.functions.reserve(getId("Subscriber"), undefined);
      }
      await settle();
      stack.functions.reserve(getId("Subscriber"), undefined);
      expect(await storedCount(`client_id=${eventType}`)).toBe(60);
      const { body } = await scene().get("/admin/oauth/stats", scene().admin);
      expect(body.events.by_type[eventType]).toBe(60);
    },
  );

  it("delays a scheduled run until concurrency is available", async () => {
    const { functions, schedules } = scene().stack;
    const { functionName = "" } = schedules.list().find(({ name }) => name === "cleanup") ?? {};
    functions.reserve(functionName, 0);
    const run = schedules.run("cleanup");
    while (functions.getThrottles(functionName) === 0) await sleep(20);
    functions.reserve(functionName, undefined);
    expect(await run).toMatchObject({ finished: true });
  });
});
