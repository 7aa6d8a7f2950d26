import { setTimeout as sleep } from "node:timers/promises";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { describe, expect, it } from "vitest";
import { queueNamed } from "../../local/services/queues.ts";
import { deployedEnvironment } from "../../local/start/library-context.ts";
import { Random } from "../../local/traffic/world/random.ts";
import { createEvent, type OAuthEvent } from "../../shared/envelope/oauth-event.ts";
import { LOCAL_ACCESS } from "../../shared/stack/local-stack-file.ts";
import { useStack } from "./stack.ts";

const scene = useStack({ visibilitySeconds: 2 });

/** Publishes as any producer would, with the SDK alone. */
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

describe("delivery", () => {
  it("stores an event that arrives five times once", async () => {
    const event = used("/five-times");
    for (let n = 0; n < 5; n += 1) await putEvents([event]);
    await scene().settle();
    expect(await storedCount("client_id=producer")).toBe(1);
  });

  it.each([
    ["without an id", { ...used("/a"), id: undefined }, /id/],
    ["with a type of the wrong form", { ...used("/a"), event_type: "Token Used" }, /event_type/],
    [
      "with a type other than its DetailType",
      { ...used("/a"), event_type: "auth_failed" },
      /detail-type/,
    ],
    ["with a time that is none", { ...used("/a"), occurred_at: "yesterday" }, /occurred_at/],
    ["with data that is no object", { ...used("/a"), event_data: [1] }, /event_data/],
    ["with a field that nobody knows", { ...used("/a"), extra: 1 }, /extra/],
  ])("sets an event %s aside with the reason", async (_, detail, reason) => {
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

  it("stores exactly once when the subscriber is killed at work and the batch comes again", async () => {
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

  it("stores exactly once what comes in any order, twice, and again while a slow batch is under way", async () => {
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
    // A batch makes several calls, so that it takes longer than the two seconds of its visibility.
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

  it("loses nothing when the bus is down during 200 authorized calls", async () => {
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
    // The last authorizers are still setting their events aside.
    while (unpublished.visible + unpublished.inFlight < 200) await sleep(50);
    expect(await storedCount("client_id=app&type=token_used")).toBe(0);
    stack.eventBus.down = false;
    await settle();
    expect(await storedCount("client_id=app&type=token_used")).toBe(200);
  });

  it("answers the caller before the bus has answered the authorizer", async () => {
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
