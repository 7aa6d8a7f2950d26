import type { SQSRecord } from "aws-lambda";
import { afterEach, describe, expect, it, vi } from "vitest";
import { republishBatch } from "../../functions/republisher/republish-batch.ts";
import { type Subscriber, storeBatch } from "../../functions/subscriber/store-batch.ts";
import { CounterShardCount } from "../../shared/audit-log/counter-shard-count.ts";
import { RegistrationMemory } from "../../shared/audit-log/values-in-use.ts";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { toInstant } from "../../shared/core/clock.ts";
import { createEvent, detailType, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { recordingLogger } from "../integration/world.ts";

const NOW_MS = Date.parse("2026-11-25T08:00:00.000Z");

afterEach(() => vi.useRealTimers());

const revoked = (tokenId: string) =>
  createEvent(
    {
      eventType: "token_revoked",
      clientId: "app",
      userId: "ada",
      details: { token_id: tokenId, revoked_at: toInstant(NOW_MS) },
    },
    NOW_MS,
  );

const used = (tokenId: string) =>
  createEvent(
    {
      eventType: "token_used",
      clientId: "app",
      userId: "ada",
      details: { token_id: tokenId, ip: "203.0.113.9", user_agent: "curl/8.0" },
    },
    NOW_MS,
  );

const record = (messageId: string, body: string): SQSRecord =>
  ({
    messageId,
    receiptHandle: `receipt of ${messageId}`,
    body,
    attributes: { ApproximateReceiveCount: "1" },
  }) as SQSRecord;

const fromBus = (event: OAuthEvent) =>
  record(
    event.id,
    JSON.stringify({
      source: "oauth.monitoring",
      "detail-type": detailType(event.event_type),
      detail: event,
    }),
  );

/** Creates a subscriber with the given DynamoDB responses and a queue that records visibility changes. */
function scene(send: (command: object) => Promise<object>, more: Partial<Subscriber> = {}) {
  const logger = recordingLogger();
  const counted: Record<string, number> = {};
  const returned: { receipt: string; seconds: number }[] = [];
  let deadLetterQueueIsDown = false;
  const sqs = {
    async send({ input }: { input: Record<string, unknown> }) {
      if ("MessageBody" in input) {
        if (deadLetterQueueIsDown) throw new Error("no dead-letter queue");
        return {};
      }
      const entries = input.Entries as { ReceiptHandle: string; VisibilityTimeout: number }[];
      for (const { ReceiptHandle: receipt, VisibilityTimeout: seconds } of entries) {
        returned.push({ receipt, seconds });
      }
      return {};
    },
  };
  const subscriber = {
    store: {
      db: { send },
      ...{ eventsTable: "events", countersTable: "counters", issuancesTable: "issuances" },
      clientsTable: "clients",
      config: parseMonitoringConfig({}),
    },
    registered: new RegistrationMemory(),
    shardCount: new CounterShardCount(8),
    openSink: async () => ({ publish: async () => {} }),
    sqs,
    bufferQueueUrl: "http://queues/buffer",
    deadLetterQueueUrl: "http://queues/dead-letters",
    clock: () => NOW_MS,
    logger,
    metrics: {
      count: (name: string, value: number) => {
        counted[name] = (counted[name] ?? 0) + value;
      },
      milliseconds() {},
      publish() {},
      publishSoon() {},
    },
    ...more,
  } as unknown as Subscriber;
  const run = async (records: SQSRecord[], deadlineMs = NOW_MS + 50_000) => {
    const { batchItemFailures } = await storeBatch(subscriber, { Records: records }, deadlineMs);
    return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  };
  const problems = () => logger.lines.filter(({ level }) => level !== "debug");
  const loseDeadLetters = () => {
    deadLetterQueueIsDown = true;
  };
  return { run, returned, counted, problems, loseDeadLetters };
}

const timeout = () =>
  Promise.reject(Object.assign(new Error("connect timeout"), { name: "TimeoutError" }));

const READS: readonly [string, () => OAuthEvent[]][] = [
  ["of issued tokens fail", () => [revoked("t1"), used("t2"), used("t3")]],
  ["of known values fail", () => [used("t1"), used("t2"), used("t3")]],
];

describe("storeBatch with failing reads", () => {
  it.each(READS)(
    "returns the batch to the queue within seconds and logs the failure once when reads %s",
    async (_, events) => {
      const { run, returned, counted, problems } = scene(timeout);
      const records = events().map(fromBus);
      expect(await run(records)).toEqual(records.map(({ messageId }) => messageId));
      expect(returned.map(({ receipt }) => receipt).sort()).toEqual(
        records.map(({ receiptHandle }) => receiptHandle).sort(),
      );
      for (const { seconds } of returned) expect(seconds).toBeLessThanOrEqual(5);
      expect(problems()).toHaveLength(1);
      expect(JSON.stringify(problems())).toContain("connect timeout");
      expect(counted.EventsRetried).toBe(3);
    },
  );

  it("still sends an invalid message to the dead-letter queue", async () => {
    const { run, counted } = scene(timeout);
    const event = fromBus(used("t1"));
    expect(await run([event, record("invalid", "{}")])).toEqual([event.messageId]);
    expect(counted.EventsRejected).toBe(1);
  });
});

describe("storeBatch", () => {
  it("returns the batch to the queue before the Lambda timeout when DynamoDB hangs", async () => {
    vi.useFakeTimers();
    const { run, returned, problems } = scene(() => new Promise(() => {}));
    const event = fromBus(used("t1"));
    const failed = run([event]);
    await vi.advanceTimersByTimeAsync(52_000);
    expect(await failed).toEqual([event.messageId]);
    expect(returned).toHaveLength(1);
    expect(problems()).toMatchObject([{ level: "error" }]);
  });

  it("returns the batch to the queue within seconds after an unexpected error", async () => {
    const config = new Proxy(parseMonitoringConfig({}), {
      get: (target, key) => {
        if (key === "retention") throw new TypeError("a defect");
        return Reflect.get(target, key);
      },
    });
    const { run, returned, problems } = scene(async () => ({}), { store: { config } as never });
    const event = fromBus(used("t1"));
    expect(await run([event])).toEqual([event.messageId]);
    expect(returned).toHaveLength(1);
    expect(problems()).toHaveLength(1);
  });

  it("stores the batch when IP enrichment and its databases fail", async () => {
    const fail = () => {
      throw new Error("broken");
    };
    const { run, counted, problems } = scene(async () => ({}), {
      enricher: { of: fail } as never,
      refresh: async () => fail(),
    });
    expect(await run([fromBus(used("t1"))])).toEqual([]);
    expect(counted.EventsStored).toBe(1);
    expect(problems().map(({ level }) => level)).toEqual(["warn", "warn"]);
  });

  it("returns the batch to the queue within seconds when the dead-letter queue fails", async () => {
    const { run, returned, loseDeadLetters } = scene(async () => ({}));
    loseDeadLetters();
    expect(await run([record("invalid", "{}")])).toEqual(["invalid"]);
    expect(returned).toHaveLength(1);
  });
});

describe("republishBatch", () => {
  it("reports a failed batch and logs the failure once for any error", async () => {
    const logger = recordingLogger();
    const metrics = { count() {}, milliseconds() {}, publish() {}, publishSoon() {} };
    const bus = { publish: () => Promise.reject(new TypeError("a defect")) };
    const event = used("t1");
    const { batchItemFailures } = await republishBatch(
      { bus, logger, metrics },
      { Records: [record("m", JSON.stringify(event))] },
    );
    expect(batchItemFailures).toEqual([{ itemIdentifier: "m" }]);
    expect(logger.lines).toHaveLength(1);
  });
});
