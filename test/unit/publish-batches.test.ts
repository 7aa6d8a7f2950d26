import type { SQSRecord } from "aws-lambda";
import { describe, expect, it } from "vitest";
import { publishBatches } from "../../functions/subscriber/publish-batches.ts";
import { createEvent, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { recordingLogger } from "../integration/store.ts";

const nowMs = Date.parse("2026-11-25T08:00:00.000Z");

const getBatch = (messageId: string, count: number) => ({
  record: { messageId } as SQSRecord,
  events: Array.from({ length: count }, () =>
    createEvent({ eventType: messageId, details: {} }, nowMs),
  ),
});

/** Publishes batches to a bus that rejects one event type. Returns the batches to retry and the published events. */
async function publish(
  batches: readonly ReturnType<typeof getBatch>[],
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
  const again = await publishBatches(subscriber, batches, nowMs + timeLeftMs);
  return { again: again.map(({ messageId }) => messageId), published, opened };
}

describe("publishBatches", () => {
  it("publishes the records in a batch as events, 100 at a time", async () => {
    const { again, published } = await publish([getBatch("first", 250), getBatch("second", 2)]);
    expect(again).toEqual([]);
    expect(published.map(({ length }) => length)).toEqual([100, 100, 50, 2]);
  });

  it("returns a batch that EventBridge rejects to the queue and publishes the others", async () => {
    const batches = [getBatch("first", 2), getBatch("second", 2), getBatch("third", 2)];
    const { again, published } = await publish(batches, { rejected: "second" });
    expect(again).toEqual(["second"]);
    expect(published).toHaveLength(2);
  });

  it("returns a batch to the queue when no time is left", async () => {
    const { again, published } = await publish([getBatch("first", 2)], { timeLeftMs: 0 });
    expect(again).toEqual(["first"]);
    expect(published).toEqual([]);
  });

  it("opens the event sink only when there is a batch", async () => {
    expect((await publish([])).opened).toBe(0);
  });
});
