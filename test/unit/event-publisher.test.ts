import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { afterEach, describe, expect, it, vi } from "vitest";
import { busSink } from "../../adapters/events/event-sink.ts";
import type { Clock } from "../../shared/core/clock.ts";
import { createEventPublisher } from "../../shared/events/event-publisher.ts";
import { createBufferedSink, PublishError } from "../../shared/events/event-sink.ts";
import { createEvent, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { LOCAL_ACCESS } from "../../shared/stack/local-stack-file.ts";
import { recordingLogger } from "../integration/store.ts";

interface Entry {
  readonly Source: string;
  readonly DetailType: string;
  readonly Detail: string;
  readonly TraceHeader?: string;
}

let server: Server | undefined;
afterEach(() => server?.close());

/** Starts a simulated EventBridge with the responses that the test specifies. */
async function busThat(
  answer: (
    entries: Entry[],
    call: number,
  ) => { status?: number; type?: string; failed?: number[]; message?: string },
) {
  const calls: Entry[][] = [];
  server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const entries: Entry[] = JSON.parse(text).Entries;
    calls.push(entries);
    const { status = 200, type, failed = [], message } = answer(entries, calls.length - 1);
    response.writeHead(status, { "Content-Type": "application/x-amz-json-1.1" });
    const Entries = entries.map((_, index) =>
      failed.includes(index)
        ? { ErrorCode: "ThrottlingException", ErrorMessage: message }
        : { EventId: "e" },
    );
    if (type) return response.end(JSON.stringify({ __type: type, message: "too large" }));
    response.end(JSON.stringify({ FailedEntryCount: failed.length, Entries }));
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const eventBridge = new EventBridgeClient({
    ...LOCAL_ACCESS,
    endpoint: `http://127.0.0.1:${port}`,
    maxAttempts: 1,
  });
  const logger = recordingLogger();
  const spool: OAuthEvent[] = [];
  const publisher = (
    keep?: (events: readonly OAuthEvent[]) => Promise<void>,
    traceHeader?: () => string | undefined,
    clock?: Clock,
  ) =>
    createEventPublisher({
      clock,
      traceHeader,
      eventBridge,
      eventBusName: "bus",
      logger,
      retryDelayMs: 1,
      ...(keep && { spool: { keep } }),
    });
  return { calls, logger, spool, publisher };
}

const events = (count: number, size = 0) =>
  Array.from({ length: count }, (_, n) =>
    createEvent(
      { eventType: "token_used", clientId: "app", details: { n, text: "x".repeat(size) } },
      1_800_000_000_000 + n,
    ),
  );

const getIds = (entries: readonly Entry[]) => entries.map(({ Detail }) => JSON.parse(Detail).id);

describe("createEventPublisher", () => {
  it("sends at most ten entries per call with the source and detail type", async () => {
    const { calls, publisher } = await busThat(() => ({}));
    await publisher().publish(events(23));
    expect(calls.map(({ length }) => length).sort()).toEqual([10, 10, 3].sort());
    expect(calls[0]?.[0]).toMatchObject({
      Source: "oauth.monitoring",
      DetailType: "oauth.token_used",
    });
  });

  it("sets the trace header of each call's events if the call is traced", async () => {
    const { calls, publisher } = await busThat(() => ({}));
    const headers = ["Root=1-a;Sampled=1", undefined];
    const traced = publisher(undefined, () => headers.shift());
    await traced.publish(events(2));
    await traced.publish(events(1));
    await publisher().publish(events(1));
    expect(calls.map((entries) => entries.map(({ TraceHeader }) => TraceHeader))).toEqual([
      ["Root=1-a;Sampled=1", "Root=1-a;Sampled=1"],
      [undefined],
      [undefined],
    ]);
  });

  it("also splits batches that are too large", async () => {
    const { calls, publisher } = await busThat(() => ({}));
    await publisher().publish(events(4, 100_000));
    expect(calls.map(({ length }) => length)).toEqual([2, 2]);
  });

  it("retries only the failed entries", async () => {
    const { calls, publisher } = await busThat((_, call) => ({ failed: call === 0 ? [1, 3] : [] }));
    const all = events(5);
    await publisher().publish(all);
    expect(getIds(calls[1] ?? [])).toEqual([all[1]?.id, all[3]?.id]);
    expect(calls).toHaveLength(2);
  });

  it("spools only the events that EventBridge rejects", async () => {
    const { publisher } = await busThat((entries) => ({
      failed: entries.flatMap(({ Detail }, i) =>
        JSON.parse(Detail).event_data.n === 2 ? [i] : [],
      ),
    }));
    const kept: OAuthEvent[] = [];
    const all = events(4);
    await publisher(async (some) => void kept.push(...some)).publish(all);
    expect(kept).toEqual([all[2]]);
  });

  it("logs complete events that it can neither publish nor spool", async () => {
    const { publisher, logger } = await busThat(() => ({ status: 500 }));
    const all = events(2);
    const publishing = publisher(() => Promise.reject(new Error("no queue"))).publish(all);
    await expect(publishing).rejects.toThrow(PublishError);
    const line = logger.lines.find(({ level }) => level === "error");
    expect(line?.extra).toMatchObject([{ events: all }]);
  });

  it("logs a warning for spooled events and spools them with the bus name and the event time", async () => {
    const { calls, publisher, logger } = await busThat((entries) => ({
      failed: entries.map((_, index) => index),
    }));
    const [event] = events(1);
    await publisher(async () => {}).publish([event as OAuthEvent]);
    expect(logger.lines).toMatchObject([
      { level: "warn", extra: [{ count: 1, cause: "ThrottlingException: " }] },
    ]);
    expect(calls).toHaveLength(3);
    expect(calls[0]).toMatchObject([
      { EventBusName: "bus", Time: Date.parse(event?.occurred_at ?? "") / 1000 },
    ]);
  });

  it("reports the error code and message from EventBridge", async () => {
    const { publisher } = await busThat((entries) => ({
      failed: entries.map((_, index) => index),
      message: "slow down",
    }));
    await expect(publisher().publish(events(1))).rejects.toThrow(
      "1 event(s) could not be published: ThrottlingException: slow down",
    );
  });

  it("reports the unpublished events when there is no spool queue", async () => {
    const { publisher } = await busThat(() => ({ status: 500 }));
    const all = events(12);
    const error = await publisher()
      .publish(all)
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(PublishError);
    expect((error as PublishError).events).toEqual(all);
  });
});

describe("createEventPublisher with a spool queue", () => {
  /** Sets up a simulated EventBridge and queue that can both fail, and a clock. */
  async function outage() {
    const state = { busIsDown: true, queueIsDown: false, nowMs: 0 };
    const { calls, publisher, logger } = await busThat(() =>
      state.busIsDown ? { status: 500 } : {},
    );
    const queued: OAuthEvent[] = [];
    let sends = 0;
    const sink = publisher(
      async (some) => {
        sends += 1;
        if (state.queueIsDown) throw new Error("no queue");
        queued.push(...some);
      },
      undefined,
      () => state.nowMs,
    );
    return { state, calls, queued, sink, logger, sends: () => sends };
  }

  it("sends events directly to the queue after two EventBridge failures and retries EventBridge every 30 seconds", async () => {
    const { state, calls, queued, sink } = await outage();
    const callsAfter = [];
    for (let n = 0; n < 4; n += 1) {
      await sink.publish(events(1));
      callsAfter.push(calls.length);
    }
    // Three attempts for each of the first two events.
    expect(callsAfter).toEqual([3, 6, 6, 6]);
    state.nowMs = 29_999;
    await sink.publish(events(1));
    expect(calls).toHaveLength(6);
    state.nowMs = 30_000;
    await Promise.all([1, 2, 3].map(() => sink.publish(events(1))));
    expect(calls).toHaveLength(9);
    expect(queued).toHaveLength(8);
  });

  it("uses EventBridge again once a retry succeeds", async () => {
    const { state, calls, queued, sink } = await outage();
    for (let n = 0; n < 2; n += 1) await sink.publish(events(1));
    state.busIsDown = false;
    state.nowMs = 30_000;
    for (let n = 0; n < 3; n += 1) await sink.publish(events(1));
    expect(calls).toHaveLength(9);
    expect(queued).toHaveLength(2);
  });

  it("doesn't treat single failed entries or invalid events as an EventBridge failure", async () => {
    const { calls, publisher } = await busThat((entries) =>
      entries.length === 1 ? { status: 400, type: "ValidationException" } : { failed: [0] },
    );
    const queued: OAuthEvent[] = [];
    const sink = publisher(async (some) => void queued.push(...some));
    for (let n = 0; n < 3; n += 1) await sink.publish(events(1));
    for (let n = 0; n < 3; n += 1) await sink.publish(events(2));
    expect(calls.filter(({ length }) => length === 2)).toHaveLength(3);
    expect(queued).toHaveLength(6);
  });

  it("calls EventBridge when the queue fails while the circuit is open", async () => {
    const { state, calls, sink } = await outage();
    for (let n = 0; n < 2; n += 1) await sink.publish(events(1));
    Object.assign(state, { busIsDown: false, queueIsDown: true });
    await sink.publish(events(1));
    expect(calls).toHaveLength(7);
  });

  it("calls neither EventBridge nor the queue while both are down and logs each event once", async () => {
    const { state, calls, sink, logger, sends } = await outage();
    state.queueIsDown = true;
    const all = events(5, 100);
    for (const event of all) await expect(sink.publish([event])).rejects.toThrow(PublishError);
    expect([calls.length, sends()]).toEqual([6, 2]);
    const logged = logger.lines.filter(({ level }) => level === "error");
    expect(logged.map(({ extra }) => extra)).toMatchObject(
      all.map((event) => [{ events: [event] }]),
    );
  });

  it("calls a hanging EventBridge only twice, without retries", async () => {
    let calls = 0;
    server = createServer(() => {
      calls += 1;
    });
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    vi.stubEnv("AWS_ENDPOINT_URL", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    vi.stubEnv("AWS_REGION", "eu-central-1");
    vi.stubEnv("AWS_ACCESS_KEY_ID", "local");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "local");
    const queued: OAuthEvent[] = [];
    const sink = busSink("bus", recordingLogger(), {
      keep: async (some) => void queued.push(...some),
    });
    for (let n = 0; n < 20; n += 1) await sink.publish(events(1));
    expect(calls).toBe(2);
    expect(queued).toHaveLength(20);
    server.closeAllConnections();
    vi.unstubAllEnvs();
  });
});

describe("createBufferedSink", () => {
  it("passes buffered events to the inner sink once, on flush", async () => {
    const passed: OAuthEvent[] = [];
    const sink = createBufferedSink({ publish: async (some) => void passed.push(...some) });
    await sink.publish(events(2));
    expect(passed).toEqual([]);
    await sink.flush();
    await sink.flush();
    expect(passed).toHaveLength(2);
  });
});
