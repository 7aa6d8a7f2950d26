import type { SQSRecord } from "aws-lambda";
import { describe, expect, it } from "vitest";
import { publishBatches } from "../../functions/subscriber/publish-batches.ts";
import { createEvent, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { recordingLogger } from "../integration/store.ts";

const nowMs = Date.parse("2026-11-25T08:00:00.000Z");

const createBatch = (messageId: string, count: number) => ({
  record: { messageId } as SQSRecord,
  events: Array.from({ length: count }, () =>
    createEvent({ eventType: messageId, details: {} }, nowMs),
  ),
});

/** Publishes batches to a bus that rejects one event type. Returns the batches to retry and the published events. */
async function publish(
  batches: readonly ReturnType<typeof createBatch>[],
  { rejected = "", timeLeftMs = 1000 } = {},
) {
  const published: OAuthEvent[][] = [];
  let opened = 0;
  const openSink = async () => {
    opened += 1;
    return {
      publish: async (events: readonly OAuthEvent[]) => {
        if (events.some(({ event_type }) => event_type === rejected)) throw new Error("rejected");
        published.push([...events]);
      },
    };
  };
  const subscriber = { openSink, clock: () => nowMs, logger: recordingLogger() };
  const retries = await publishBatches(subscriber, batches, nowMs + timeLeftMs);
  return { retries: retries.map(({ messageId }) => messageId), published, opened };
}

describe("publishBatches", () => {
  it("publishes the records in a batch as events, 100 at a time", async () => {
    const { retries, published } = await publish([
      createBatch("first", 250),
      createBatch("second", 2),
    ]);
    expect(retries).toEqual([]);
    expect(published.map(({ length }) => length)).toEqual([100, 100, 50, 2]);
  });

  it("returns a batch that EventBridge rejects to the queue and publishes the others", async () => {
    const batches = [createBatch("first", 2), createBatch("second", 2), createBatch("third", 2)];
    const { retries, published } = await publish(batches, { rejected: "second" });
    expect(retries).toEqual(["second"]);
    expect(published).toHaveLength(2);
  });

  it("returns a batch to the queue when no time is left", async () => {
    const { retries, published } = await publish([createBatch("first", 2)], {
      timeLeftMs: 0,
    });
    expect(retries).toEqual(["first"]);
    expect(published).toEqual([]);
  });

  it("opens the event sink only when there is a batch", async () => {
    expect((await publish([])).opened).toBe(0);
  });
});
