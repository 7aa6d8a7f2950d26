import { describe, expect, it } from "vitest";
import { createBatchingSink } from "../../adapters/node/batching-sink.ts";
import { fromFetchRequest } from "../../adapters/node/node-request.ts";
import { protectServer } from "../../adapters/node/oauth-monitoring.ts";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { createEvent, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { recordingLogger } from "../integration/world.ts";

const events = (count: number): OAuthEvent[] =>
  Array.from({ length: count }, (_, index) =>
    createEvent({ eventType: "token_used", details: { index } }, 1_700_000_000_000),
  );
const indexes = (batch: readonly OAuthEvent[]) => batch.map(({ event_data }) => event_data.index);

describe("createBatchingSink", () => {
  it("publishes full batches in order and the remaining events on flush", async () => {
    const batches: unknown[][] = [];
    const sink = createBatchingSink(
      { publish: async (batch) => void batches.push(indexes(batch)) },
      recordingLogger(),
      { batchSize: 2, maxWaitMs: 60_000 },
    );
    for (const event of events(5)) await sink.publish([event]);
    await sink.flush();
    expect(batches.map(({ length }) => length)).toEqual([2, 2, 1]);
    expect(batches.flat()).toEqual([0, 1, 2, 3, 4]);
    await sink.flush();
    expect(batches).toHaveLength(3);
  });

  it("publishes a partial batch after the maximum wait", async () => {
    const published = new Promise<unknown[]>((resolve) => {
      const sink = createBatchingSink(
        { publish: async (batch) => resolve(indexes(batch)) },
        recordingLogger(),
        { maxWaitMs: 1 },
      );
      void sink.publish(events(1));
    });
    // The sink's timer doesn't keep the process alive, so the test has to.
    const alive = setInterval(() => {}, 10);
    expect(await published).toEqual([0]);
    clearInterval(alive);
  });

  it("limits memory use while EventBridge is slow and logs the events that don't fit", async () => {
    const batches: unknown[][] = [];
    let free = () => {};
    const slow = new Promise<void>((resolve) => (free = resolve));
    const logger = recordingLogger();
    const sink = createBatchingSink(
      {
        async publish(batch) {
          batches.push(indexes(batch));
          await slow;
        },
      },
      logger,
      { batchSize: 2, maxEvents: 4 },
    );
    for (const event of events(6)) await sink.publish([event]);
    // One batch is being published and one is waiting.
    expect(batches).toEqual([[0, 1]]);
    const [first, second] = logger.lines;
    expect(logger.lines).toHaveLength(2);
    for (const [line, index] of [
      [first, 4],
      [second, 5],
    ] as const) {
      expect(line).toMatchObject({
        level: "error",
        extra: [{ events: [{ event_data: { index } }] }],
      });
    }
    free();
    await sink.flush();
    expect(batches).toEqual([
      [0, 1],
      [2, 3],
    ]);
    await sink.publish(events(1));
    await sink.flush();
    expect(batches).toHaveLength(3);
  });

  it("continues with the next batch after a failed one", async () => {
    let calls = 0;
    const logger = recordingLogger();
    const sink = createBatchingSink(
      {
        async publish() {
          calls += 1;
          if (calls === 1) throw new Error("no bus");
        },
      },
      logger,
      { batchSize: 1 },
    );
    for (const event of events(2)) await sink.publish([event]);
    await sink.flush();
    expect(calls).toBe(2);
    expect(logger.lines).toMatchObject([{ level: "error", extra: [{ cause: "Error: no bus" }] }]);
  });
});

describe("protectServer", () => {
  it("publishes the events of all calls before flush resolves", async () => {
    const published: OAuthEvent[] = [];
    const { check, flush } = protectServer(
      {
        config: parseMonitoringConfig({}),
        clock: () => 1_700_000_000_000,
        logger: recordingLogger(),
        sink: { publish: async (batch) => void published.push(...batch) },
        // A call without a token doesn't access DynamoDB.
        db: undefined as never,
        tokensTable: "tokens",
        sessionsTable: "sessions",
        credentialsTable: "credentials",
        denyList: { current: () => Promise.reject(new Error("no store")) },
      },
      { batching: { maxWaitMs: 60_000 } },
    );
    for (const path of ["/first", "/second"]) {
      const answer = await check(new Request(`http://127.0.0.1${path}`), { ip: "192.0.2.1" });
      expect(answer).toMatchObject({ status: 401 });
    }
    expect(published).toEqual([]);
    await flush();
    expect(published.map(({ event_data }) => event_data.endpoint)).toEqual(["/first", "/second"]);
  });
});

describe("caller IP address of a server", () => {
  const front = { publicOrigin: undefined, clientCertificateHeader: undefined };
  const addressBy = (trustedProxies: number, forwarded?: string) =>
    fromFetchRequest(
      new Request("http://127.0.0.1/api", {
        headers: forwarded ? { "x-forwarded-for": forwarded } : {},
      }),
      "::ffff:192.0.2.1",
      { ...front, trustedProxies },
    ).ip;

  it("is the connection's address when no proxy is trusted", () => {
    expect(addressBy(0, "203.0.113.9")).toBe("192.0.2.1");
  });

  it.each([
    [1, "198.51.100.1, 203.0.113.9", "203.0.113.9"],
    [2, "198.51.100.1, 203.0.113.9, 192.0.2.7", "203.0.113.9"],
    [2, "203.0.113.9", "192.0.2.1"],
    [1, undefined, "192.0.2.1"],
    [1, "198.51.100.1, 203.0.113.9:41234", "203.0.113.9"],
    [1, "[2001:db8::1]:41234", "2001:db8::1"],
    [2, "[2001:DB8::1],192.0.2.7:80", "2001:db8::1"],
  ])("is the address seen by the first of %i trusted proxies", (proxies, forwarded, ip) => {
    expect(addressBy(proxies, forwarded)).toBe(ip);
  });

  it("is returned with the unmodified path and the data needed to check proofs of possession", () => {
    const read = fromFetchRequest(
      new Request("https://inside:8080/api/caf%C3%A9?code=secret", {
        method: "POST",
        headers: { dpop: "proof", "x-cert": "%", "mcp-session-id": "s" },
      }),
      "192.0.2.1",
      {
        trustedProxies: 0,
        publicOrigin: "https://api.example.com",
        clientCertificateHeader: "X-Cert",
      },
    );
    expect(read).toMatchObject({
      method: "POST",
      path: "/api/caf%C3%A9",
      url: "https://api.example.com/api/caf%C3%A9",
      dpopProofs: ["proof"],
      sessionSecret: "s",
    });
    expect(read).not.toHaveProperty("clientCertificate");
  });
});
