import type { SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, it, vi } from "vitest";
import { retryRejected, splitIntoCalls } from "../../shared/core/aws-calls.ts";
import { batchGetAll, type DocumentClient } from "../../shared/core/document-client.ts";
import { IncompleteRequestError } from "../../shared/core/errors.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { createUnpublishedQueue } from "../../shared/events/unpublished-queue.ts";

const slept = vi.hoisted((): number[] => {
  vi.resetModules();
  return [];
});
vi.mock("node:timers/promises", () => ({
  setTimeout: async (milliseconds: number) => void slept.push(milliseconds),
}));
afterAll(() => void vi.resetModules());

describe("inCalls", () => {
  const split = (sizes: readonly number[]) =>
    splitIntoCalls(sizes, { maxItems: 3, maxBytes: 10, getByteLength: (size) => size });

  it.each([
    [[], []],
    [
      [1, 1, 1, 1],
      [[1, 1, 1], [1]],
    ],
    [
      [5, 5, 1],
      [[5, 5], [1]],
    ],
    [
      [6, 5],
      [[6], [5]],
    ],
    // An item that exceeds the limit is sent in its own call.
    [
      [1, 99, 1],
      [[1], [99], [1]],
    ],
  ])("splits items %j into calls %j", (sizes, calls) => {
    expect(split(sizes)).toEqual(calls);
  });
});

describe("sendAgain", () => {
  /** Rejects the odd items for the given number of calls. */
  const denying = (times: number) => {
    const calls: number[][] = [];
    const send = async (items: readonly number[]): Promise<[number[], string]> => {
      calls.push([...items]);
      const rejected = calls.length <= times ? items.filter((item) => item % 2 === 1) : [];
      return [rejected, `call ${calls.length}`];
    };
    return { calls, send };
  };

  it("resends only the rejected items until all are accepted", async () => {
    const { calls, send } = denying(1);
    expect(await retryRejected([1, 2, 3], send)).toEqual([[], "call 2"]);
    expect(calls).toEqual([
      [1, 2, 3],
      [1, 3],
    ]);
  });

  it("gives up after three attempts, or the given number, and returns the cause", async () => {
    const three = denying(9);
    expect(await retryRejected([1, 2], three.send)).toEqual([[1], "call 3"]);
    const one = denying(9);
    expect(await retryRejected([1, 2], one.send, { maxAttempts: 1 })).toEqual([[1], "call 1"]);
    expect(one.calls).toHaveLength(1);
  });

  it("doubles the delay before each attempt and adds up to half as jitter", async () => {
    const waits = async (random: number) => {
      slept.length = 0;
      vi.spyOn(Math, "random").mockReturnValue(random);
      await retryRejected([1], denying(9).send, { maxAttempts: 4 });
      vi.restoreAllMocks();
      return [...slept];
    };
    expect(await waits(0)).toEqual([25, 50, 100]);
    expect(await waits(0.5)).toEqual([50, 100, 200]);
  });
});

describe("createUnpublishedQueue", () => {
  const events = (count: number, size = 0) =>
    Array.from({ length: count }, (_, n) =>
      createEvent({ eventType: "token_used", details: { n, text: "x".repeat(size) } }, 0),
    );

  /** Creates a queue that rejects messages by call number and position. */
  function queue(rejects: (call: number, index: number) => boolean = () => false) {
    const calls: { QueueUrl: string; bodies: string[] }[] = [];
    const sqs = {
      send: async ({
        input,
      }: {
        input: { QueueUrl: string; Entries: { MessageBody: string; Id: string }[] };
      }) => {
        const call = calls.push({
          QueueUrl: input.QueueUrl,
          bodies: input.Entries.map(({ MessageBody }) => MessageBody),
        });
        const Failed = input.Entries.filter((_, index) => rejects(call, index)).map(({ Id }) => ({
          Id,
          Code: "Busy",
          ...(call === 1 && { Message: "too busy" }),
        }));
        return Failed.length > 0 ? { Failed } : {};
      },
    } as unknown as SQSClient;
    return { calls, ...createUnpublishedQueue({ sqs, queueUrl: "https://queue" }) };
  }

  it("sends at most ten messages and 240 KB per call", async () => {
    const { calls, keep } = queue();
    const all = events(12);
    await keep(all);
    expect(calls.map(({ bodies }) => bodies.length)).toEqual([10, 2]);
    expect(calls[0]?.QueueUrl).toBe("https://queue");
    expect(calls.flatMap(({ bodies }) => bodies.map((body) => JSON.parse(body)))).toEqual(all);
    const large = queue();
    await large.keep(events(3, 100_000));
    expect(large.calls.map(({ bodies }) => bodies.length)).toEqual([2, 1]);
  });

  it("resends rejected messages and reports those that are still rejected", async () => {
    const once = queue((call, index) => call === 1 && index === 1);
    const all = events(3);
    await once.keep(all);
    expect(once.calls[1]?.bodies).toEqual([JSON.stringify(all[1])]);
    const always = queue((_, index) => index === 0);
    const rejection = always.keep(all);
    await expect(rejection).rejects.toThrow(IncompleteRequestError);
    await expect(rejection).rejects.toThrow(/rejected 1 message.*Busy/);
  });
});

describe("batchGetAll", () => {
  interface Call {
    readonly Keys: readonly { id: string }[];
    readonly ConsistentRead: boolean;
  }

  /** Creates a table that leaves the last keys in a call unprocessed. */
  function store(leaves: (call: number) => number) {
    const calls: Call[] = [];
    const send = async ({ input }: { input: { RequestItems: { items: Call } } }) => {
      const call = input.RequestItems.items;
      calls.push(call);
      const done = call.Keys.length - leaves(calls.length);
      return {
        Responses: { items: call.Keys.slice(0, done).map(({ id }) => ({ id, read: true })) },
        UnprocessedKeys: done < call.Keys.length ? { items: { Keys: call.Keys.slice(done) } } : {},
      };
    };
    return { calls, db: { send } as unknown as DocumentClient };
  }

  const keys = (count: number) => Array.from({ length: count }, (_, n) => ({ id: `k${n}` }));
  const getIds = (items: readonly Record<string, unknown>[]) => items.map(({ id }) => id).sort();

  it("reads 100 keys at a time, with consistent reads on request", async () => {
    const { calls, db } = store(() => 0);
    expect(await batchGetAll(db, "items", keys(201))).toHaveLength(201);
    expect(calls.map(({ Keys }) => Keys.length)).toEqual([100, 100, 1]);
    expect(calls[0]?.ConsistentRead).toBe(false);
    await batchGetAll(db, "items", keys(1), { consistent: true });
    expect(calls[3]?.ConsistentRead).toBe(true);
    expect(await batchGetAll(db, "items", [])).toEqual([]);
  });

  it("retries unprocessed keys", async () => {
    const { calls, db } = store((call) => (call === 1 ? 2 : 0));
    expect(getIds(await batchGetAll(db, "items", keys(3)))).toEqual(["k0", "k1", "k2"]);
    expect(calls[1]?.Keys).toEqual([{ id: "k1" }, { id: "k2" }]);
  });

  it("gives up after eight attempts with growing delays", async () => {
    slept.length = 0;
    const { calls, db } = store(() => 1);
    await expect(batchGetAll(db, "items", keys(1))).rejects.toThrow(IncompleteRequestError);
    expect(calls).toHaveLength(8);
    expect(slept).toEqual([50, 100, 200, 400, 800, 1600, 3200]);
  });
});
