import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Queue } from "../../local/services/queue.ts";
import {
  type DeliveryRejection,
  noCounts,
  RuleTarget,
  type TargetProperties,
} from "../../local/services/rule-target.ts";

const RULE = "arn:aws:events:us-east-1:000000000000:rule/Stored";
const queueArn = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;
const DAY_SECONDS = 86_400;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Creates a rule with one target, its queue and its dead-letter queue. */
function rule(
  properties: Partial<TargetProperties> = {},
  rejection: DeliveryRejection = () => undefined,
) {
  const make = (name: string) => new Queue({ name, visibilityTimeoutMs: 60_000 });
  const queues = new Map(["Buffer", "DeadLetters"].map((name) => [name, make(name)]));
  const counts = noCounts();
  const target = new RuleTarget(
    RULE,
    { Arn: queueArn("Buffer"), ...properties },
    (id) => queues.get(id) as Queue,
    counts,
    rejection,
  );
  const [buffer, letters] = [...queues.values()] as [Queue, Queue];
  const bodies = (queue: Queue) => queue.messages.map(({ body }) => body);
  return { target, buffer, letters, counts, bodies };
}

const DEAD_LETTERS = { DeadLetterConfig: { Arn: queueArn("DeadLetters") } };
const throttled = new Error("RequestThrottled");

describe("RuleTarget", () => {
  it("retries with growing delays until the queue accepts the event", async () => {
    const { target, buffer, counts, bodies } = rule(DEAD_LETTERS);
    buffer.rejection = throttled;
    target.deliver("event");
    await vi.advanceTimersByTimeAsync(1000 + 2000 + 4000);
    expect(counts.RetryInvocationAttempts).toBe(3);
    buffer.rejection = undefined;
    await vi.advanceTimersByTimeAsync(7999);
    expect(bodies(buffer)).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(bodies(buffer)).toEqual(["event"]);
    expect(target.waiting).toBe(0);
    expect(counts.FailedInvocations).toBe(0);
  });

  it("drops and counts an event when there is no dead-letter queue", async () => {
    const { target, buffer, letters, counts, bodies } = rule({
      RetryPolicy: { MaximumRetryAttempts: 2 },
    });
    buffer.rejection = throttled;
    target.deliver("event");
    await vi.advanceTimersByTimeAsync(10_000);
    buffer.rejection = undefined;
    await vi.advanceTimersByTimeAsync(DAY_SECONDS * 1000);
    expect([...bodies(buffer), ...bodies(letters)]).toEqual([]);
    expect(counts).toMatchObject({ FailedInvocations: 1, InvocationsSentToDlq: 0 });
  });

  it.each<[string, TargetProperties["RetryPolicy"], string, number]>([
    ["retries", { MaximumRetryAttempts: 3 }, "MaximumRetryAttempts", 3],
    ["time", { MaximumEventAgeInSeconds: 60 }, "MaximumEventAgeInSeconds", 5],
    ["AWS's own policy", undefined, "MaximumRetryAttempts", 185],
  ])(
    "sends an event to the dead-letter queue when the retry policy is exhausted: %s",
    async (_, RetryPolicy, condition, most) => {
      const { target, buffer, letters, counts, bodies } = rule({
        ...DEAD_LETTERS,
        ...(RetryPolicy && { RetryPolicy }),
      });
      buffer.rejection = throttled;
      target.deliver("event");
      await vi.advanceTimersByTimeAsync(DAY_SECONDS * 1000);
      expect(bodies(letters)).toEqual(["event"]);
      expect(counts).toMatchObject({ FailedInvocations: 1, InvocationsSentToDlq: 1 });
      expect(counts.RetryInvocationAttempts).toBeLessThanOrEqual(most);
      expect(letters.messages[0]?.attributes).toMatchObject({
        ERROR_CODE: { StringValue: "ERROR_FROM_TARGET" },
        ERROR_MESSAGE: { StringValue: "Error: RequestThrottled" },
        EXHAUSTED_RETRY_CONDITION: { StringValue: condition },
        RULE_ARN: { StringValue: RULE },
        TARGET_ARN: { StringValue: queueArn("Buffer") },
      });
    },
  );

  it("sends an event directly to the dead-letter queue when a permission is missing", () => {
    const { target, buffer, letters, counts, bodies } = rule(DEAD_LETTERS, (_, arn) =>
      arn === queueArn("Buffer") ? "no" : undefined,
    );
    target.deliver("event");
    expect(target.waiting).toBe(0);
    expect(bodies(buffer)).toEqual([]);
    expect(letters.messages[0]?.attributes.ERROR_CODE?.StringValue).toBe("NO_PERMISSIONS");
    expect(counts).toMatchObject({ FailedInvocations: 1, RetryInvocationAttempts: 0 });
  });

  it("drops an event when access to the dead-letter queue is denied or the queue rejects the event", () => {
    const denied = rule(DEAD_LETTERS, () => "no");
    denied.target.deliver("event");
    const full = rule({ ...DEAD_LETTERS, RetryPolicy: { MaximumRetryAttempts: 0 } });
    full.buffer.rejection = throttled;
    full.letters.rejection = throttled;
    full.target.deliver("event");
    for (const { letters, counts, bodies } of [denied, full]) {
      expect(bodies(letters)).toEqual([]);
      expect(counts).toMatchObject({ FailedInvocations: 1, InvocationsFailedToBeSentToDlq: 1 });
    }
  });
});
