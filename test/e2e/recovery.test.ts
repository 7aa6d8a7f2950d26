import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  DescribeReplayCommand,
  DisableRuleCommand,
  EnableRuleCommand,
  EventBridgeClient,
  StartReplayCommand,
} from "@aws-sdk/client-eventbridge";
import { DeleteCommand, ScanCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, describe, expect, it } from "vitest";
import { archiveReplay } from "../../cli/commands/archive.ts";
import { deadLettersList, deadLettersRedrive } from "../../cli/commands/dead-letters.ts";
import { doctor } from "../../cli/commands/doctor.ts";
import { synthesize } from "../../infra/synthesize.ts";
import type { Queue } from "../../local/services/queue.ts";
import { queueNamed } from "../../local/services/queues.ts";
import { logicalIdOfArn } from "../../local/services/template.ts";
import { queryEvents } from "../../shared/audit-log/query-events.ts";
import { DAY_MS, HOUR_MS, toInstant } from "../../shared/core/clock.ts";
import {
  createEvent,
  detailType,
  EVENT_SOURCE,
  type OAuthEvent,
} from "../../shared/events/oauth-event.ts";
import { LOCAL_ACCESS } from "../../shared/stack/local-stack-file.ts";
import { countEvents } from "../../shared/statistics/event-buckets.ts";
import { useStack } from "./stack.ts";
import { stackTarget } from "./stack-target.ts";

const directory = mkdtempSync(join(tmpdir(), "oauth-monitoring-recovery-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const scene = useStack({
  assembly: () =>
    synthesize(directory, {
      subscriber: { maxReceiveCount: 3 },
      retention: { daysByEventType: { consent_given: 1 } },
    }),
});

const target = () => stackTarget(scene());

const bus = () =>
  new EventBridgeClient({ ...LOCAL_ACCESS, endpoint: scene().stack.eventbridgeEndpoint });

/** Returns `count` events for a client, a millisecond apart. */
const createEvents = (
  clientId: string,
  count: number,
  atMs = Date.now(),
  eventType = "device_seen",
) =>
  Array.from({ length: count }, (_, n) =>
    createEvent({ eventType, clientId, details: { n } }, atMs + n),
  );

async function storedIds(clientId: string): Promise<string[]> {
  const { events } = await queryEvents(scene().library, { clientId, limit: 1000 });
  return events.map(({ id }) => id).sort();
}

const getIds = (events: readonly OAuthEvent[]) => events.map(({ id }) => id).sort();

/** Returns the number of a client's events counted in the last three days. */
async function counted(clientId: string): Promise<number> {
  const nowMs = Date.now();
  const range = { fromMs: nowMs - 3 * DAY_MS, toMs: nowMs + HOUR_MS };
  const { by_type } = await countEvents(scene().library, range, clientId);
  // Derived from events of a different type, which also have their own counter.
  const { scope_validation_success: _, ...own } = by_type;
  return Object.values(own).reduce((sum, count) => sum + count, 0);
}

/** Makes a killed function's messages visible again, as if the visibility timeout had passed. */
function release(queue: Queue): void {
  for (const { receiptHandle } of queue.messages) queue.release(receiptHandle);
}

describe("replay of the event bus archive", () => {
  it("stores events that never reached the subscriber, and counts no event twice", async () => {
    const { stack, library, settle } = scene();
    const rule = { Name: logicalIdOfArn(stack.replay.storedRuleArn) };
    const startMs = Date.now();
    const [before, during] = [
      createEvents("shop", 5, startMs),
      createEvents("shop", 7, startMs + 100),
    ];
    await library.sink.publish(before);
    await settle();
    await bus().send(new DisableRuleCommand(rule));
    await library.sink.publish(during);
    await settle();
    await bus().send(new EnableRuleCommand(rule));
    expect(await storedIds("shop")).toEqual(getIds(before));

    const range = { from: toInstant(startMs), to: toInstant(startMs + 1000) };
    await archiveReplay(target(), range);
    await settle();
    expect(await storedIds("shop")).toEqual(getIds([...before, ...during]));
    expect(await counted("shop")).toBe(12);

    await archiveReplay(target(), range);
    await settle();
    expect(await storedIds("shop")).toEqual(getIds([...before, ...during]));
    expect(await counted("shop")).toBe(12);
  });

  it("covers only the given time range and rules", async () => {
    const { stack, library, settle } = scene();
    const rule = { Name: logicalIdOfArn(stack.replay.storedRuleArn) };
    const startMs = Date.now() - HOUR_MS;
    const lost = createEvents("range", 10, startMs);
    await bus().send(new DisableRuleCommand(rule));
    await library.sink.publish(lost);
    await bus().send(new EnableRuleCommand(rule));
    const replay = async (name: string, FilterArns: string[]) => {
      await bus().send(
        new StartReplayCommand({
          ReplayName: name,
          EventSourceArn: stack.replay.archiveArn,
          EventStartTime: new Date(startMs + 2),
          EventEndTime: new Date(startMs + 5),
          Destination: { Arn: stack.replay.busArn, FilterArns },
        }),
      );
      let state: string | undefined;
      while (state !== "COMPLETED") {
        state = (await bus().send(new DescribeReplayCommand({ ReplayName: name }))).State;
      }
      await settle();
    };
    await replay("to-another-rule", [`${stack.replay.storedRuleArn}-other`]);
    expect(await storedIds("range")).toEqual([]);
    await replay("to-ours", [stack.replay.storedRuleArn]);
    expect(await storedIds("range")).toEqual(getIds(lost.slice(2, 6)));
    await expect(replay("to-ours", [])).rejects.toThrow("Replay to-ours already exists.");
  });

  it("does not count deleted events again", async () => {
    const { library, settle } = scene();
    const startMs = Date.now() - 2 * DAY_MS;
    const old = createEvents("removed", 3, startMs, "consent_given");
    await library.sink.publish(old);
    await settle();
    expect(await counted("removed")).toBe(3);
    const { Items = [] } = await library.db.send(
      new ScanCommand({
        TableName: library.eventsTable,
        FilterExpression: "oauth_client_id = :client",
        ExpressionAttributeValues: { ":client": "removed" },
      }),
    );
    for (const { subject_shard, occurred_at_id } of Items) {
      const Key = { subject_shard, occurred_at_id };
      await library.db.send(new DeleteCommand({ TableName: library.eventsTable, Key }));
    }
    await archiveReplay(target(), {
      from: toInstant(startMs),
      to: toInstant(startMs + HOUR_MS),
    });
    await settle();
    expect(await storedIds("removed")).toEqual([]);
    expect(await counted("removed")).toBe(3);
  });
});

describe("dead-letter queue", () => {
  it("lets a redrive store the events after the subscriber failed", async () => {
    const { stack, library, settle } = scene();
    const subscriber = stack.named("function", "Subscriber");
    const buffer = queueNamed(stack.queues, stack.named("queue", "Buffer"));
    const letters = queueNamed(stack.queues, stack.named("queue", "DeadLetters"));
    const events = createEvents("redriven", 4);
    await library.sink.publish(events);
    while (letters.visible < events.length) {
      stack.functions.kill(subscriber);
      release(buffer);
      await sleep(20);
    }
    expect(await storedIds("redriven")).toEqual([]);
    const { json } = await deadLettersList(target());
    expect(json).toMatchObject({
      dead_letters: events.map(() => ({
        reason: expect.stringContaining("maximum receive count exceeded"),
      })),
    });
    expect((await deadLettersRedrive(target())).json).toEqual({ redriven: 4 });
    await settle();
    expect(letters.visible).toBe(0);
    expect(await storedIds("redriven")).toEqual(getIds(events));
  });
});

describe("queue that rejects EventBridge's messages", () => {
  const rule = () => logicalIdOfArn(scene().stack.replay.storedRuleArn);

  it("receives every event later through the rule's retry policy", async () => {
    const { stack, library, settle } = scene();
    const buffer = queueNamed(stack.queues, stack.named("queue", "Buffer"));
    const events = createEvents("throttled", 20);
    const before = stack.eventBus.getCounts(rule()).RetryInvocationAttempts;
    buffer.rejection = new Error("RequestThrottled");
    await library.sink.publish(events);
    expect(stack.eventBus.waiting).toBe(20);
    expect(await storedIds("throttled")).toEqual([]);
    buffer.rejection = undefined;
    await settle();
    expect(await storedIds("throttled")).toEqual(getIds(events));
    expect(stack.eventBus.getCounts(rule()).RetryInvocationAttempts).toBe(before + 20);
    expect(await counted("throttled")).toBe(20);
  });

  it("leaves the events in the dead-letter queue with EventBridge's reason, ready for a redrive", async () => {
    const { stack, settle } = scene();
    const letters = queueNamed(stack.queues, stack.named("queue", "DeadLetters"));
    const events = createEvents("denied", 3);
    const text = (StringValue: string) => ({ DataType: "String", StringValue });
    for (const event of events) {
      const detail = { source: EVENT_SOURCE, "detail-type": detailType(event.event_type) };
      letters.send(JSON.stringify({ ...detail, time: event.occurred_at, detail: event }), {
        ERROR_CODE: text("NO_PERMISSIONS"),
        ERROR_MESSAGE: text("Lack of permissions to invoke cross account target."),
      });
    }
    const { json } = await deadLettersList(target());
    expect(json).toMatchObject({
      dead_letters: events.map(() => ({
        reason: expect.stringMatching(/^EventBridge could not deliver it: NO_PERMISSIONS: Lack of/),
      })),
    });
    expect((await deadLettersRedrive(target())).json).toEqual({ redriven: 3 });
    await settle();
    expect(await storedIds("denied")).toEqual(getIds(events));
  });
});

describe("killed process", () => {
  it("loses no event if it is the republisher", async () => {
    const { stack, library, settle } = scene();
    const unpublished = queueNamed(stack.queues, stack.named("queue", "Unpublished"));
    const republisher = stack.named("function", "Republisher");
    const events = createEvents("republished", 100);
    stack.eventBus.down = true;
    await library.sink.publish(events);
    expect(unpublished.visible + unpublished.inFlight).toBe(100);
    stack.eventBus.delayMs = 100;
    stack.eventBus.down = false;
    for (let n = 0; n < 4; n += 1) {
      await sleep(300);
      stack.functions.kill(republisher);
      release(unpublished);
    }
    stack.eventBus.delayMs = 0;
    await settle();
    expect(await storedIds("republished")).toEqual(getIds(events));
  });

  it("loses at most the events of the call just answered if it is the authorizer", async () => {
    const { stack, library, get, caller, settle } = scene();
    const authorizer = stack.named("function", "Authorizer");
    const calls = 12;
    const stored = async () => {
      const query = { clientId: "app", type: "token_used", limit: 1000 };
      const { events } = await queryEvents(library, query);
      return events.map(({ event_data }) => String(event_data.endpoint));
    };
    for (let n = 0; n < calls; n += 1) {
      // The authorizer responds before it publishes, so the process is killed between the two steps or soon after.
      expect((await get(`/api/killed/${n}`, caller)).status).toBe(200);
      stack.functions.kill(authorizer);
    }
    expect((await get("/api/killed/last", caller)).status).toBe(200);
    const isStored = async () => (await stored()).includes("/api/killed/last");
    while (!(await isStored())) await sleep(100);
    await settle();
    const endpoints = await stored();
    expect(endpoints.length).toBeLessThanOrEqual(calls + 1);
    expect(new Set(endpoints).size).toBe(endpoints.length);
    expect(await counted("app")).toBe((await storedIds("app")).length);
  });
});

describe("doctor", () => {
  interface Checked {
    readonly check: string;
    readonly ok: boolean;
    readonly warning?: true;
    readonly found: string;
    readonly advice?: string;
  }

  /** Returns doctor's results by check: `ok`, or the problem and its fix. Warnings start with `WARN`. */
  async function examine(more: object = {}, examined = target()): Promise<Record<string, string>> {
    const options = { wait: "60", scopes: "api:read", ...more };
    const { json, failed, text } = await doctor(examined, options);
    const { checks } = json as { checks: Checked[] };
    expect(failed).toBe(checks.some(({ ok }) => !ok));
    return Object.fromEntries(
      checks.map(({ check, ok, warning, found, advice }) => {
        const label = ok ? (warning ? "WARN" : "ok  ") : "FAIL";
        expect(text).toContain(`${label}  ${check}: `);
        const problem = `${found} → ${advice}`;
        return [check, ok ? (warning ? `WARN ${problem}` : "ok") : problem];
      }),
    );
  }
  const well = {
    tables: "ok",
    events: "ok",
    "dead letters": "ok",
    cleanup: "ok",
    quotas: "ok",
  };

  it("reports a healthy stack, makes a test call, and leaves no valid token behind", async () => {
    const { stack, library, send, settle } = scene();
    await send("POST", "/_local/schedules/cleanup/run", {});
    expect(await examine({ url: `${stack.url}/api/doctor` })).toEqual({ ...well, call: "ok" });
    await settle();
    const { events } = await queryEvents(library, {
      clientId: "oauth-monitoring-doctor",
      limit: 100,
    });
    const types = events.map(({ event_type }) => event_type);
    expect(types).toEqual(expect.arrayContaining(["token_issued", "token_used", "token_revoked"]));
  });

  it("explains why a call is denied", async () => {
    const url = `${scene().stack.url}/api/doctor`;
    expect((await examine({ url, scopes: "other" })).call).toMatch(/403 → .*--scopes/);
    expect((await examine({ url: "http://127.0.0.1:1/" })).call).toMatch(
      /→ .*reachable from this machine/,
    );
  });

  it("reports a bus that rejects events", async () => {
    const { stack } = scene();
    stack.eventBus.down = true;
    const { events } = await examine();
    stack.eventBus.down = false;
    expect(events).toMatch(/PublishError: .* → check the event bus/);
  });

  it("reports a disabled rule", async () => {
    const { stack, settle } = scene();
    const rule = {
      Name: logicalIdOfArn(stack.replay.storedRuleArn),
      EventBusName: stack.eventBus.name,
    };
    await bus().send(new DisableRuleCommand(rule));
    const { events } = await examine({ wait: "1" });
    await bus().send(new EnableRuleCommand(rule));
    expect(events).toMatch(
      /did not reach the audit log within 1 s → .*FailedInvocations.*aws:SourceAccount.*rule is enabled/,
    );
    await settle();
  });

  it("reports an account whose Lambda concurrency is too low", async () => {
    const { functions } = scene().stack;
    functions.accountConcurrency = 500;
    const { quotas } = await examine({ callsPerSecond: "10000" });
    const withoutCalls = await examine();
    functions.accountConcurrency = undefined;
    expect(quotas).toMatch(
      /need about 1000 concurrent authorizer environments, but the limit is 500 → request a higher Lambda quota/,
    );
    expect(withoutCalls.quotas).toBe("ok");
  });

  it("warns about alarms without subscribers, and does not fail", async () => {
    const { notifications } = scene().stack;
    const alarmTopicArn = "arn:aws:sns:us-east-1:000000000000:topic";
    const alarms = async () => (await examine({}, { ...target(), alarmTopicArn })).alarms;
    expect(await alarms()).toMatch(
      /^WARN the alarm topic has no subscriptions → subscribe to the alarm topic/,
    );
    const one = { protocol: "email", endpoint: "ops@shop.example", confirmed: false };
    notifications.subscriptions = [one];
    expect(await alarms()).toMatch(/^WARN unconfirmed subscriptions: 1 → open the link/);
    notifications.subscriptions = [one, { ...one, confirmed: true }];
    expect(await alarms()).toBe("ok");
  });

  it("reports dead letters, a cleanup that is not running, and missing tables", async () => {
    const { stack, library } = scene();
    queueNamed(stack.queues, stack.named("queue", "DeadLetters")).send("x");
    const healthy = target();
    const late = { ...healthy, clock: () => Date.now() + 3 * HOUR_MS };
    const gone = { ...healthy, countersTable: "none", sessionsTable: "none" };
    const found = await examine({}, late);
    expect(found["dead letters"]).toMatch(/^1 events could not be stored → .*redrive/);
    expect(found.cleanup).toMatch(/the last run was at .* → check its schedule/);
    expect((await examine({}, gone)).tables).toMatch(
      /^(Sessions, Counters|Counters, Sessions): ResourceNotFoundException: .* → .*deploy it again/i,
    );
    const { Items = [] } = await library.db.send(
      new ScanCommand({ TableName: healthy.cleanupRunsTable }),
    );
    for (const { job, started_at } of Items) {
      const Key = { job, started_at };
      await library.db.send(new DeleteCommand({ TableName: healthy.cleanupRunsTable, Key }));
    }
    expect((await examine()).cleanup).toMatch(
      /^WARN the cleanup has not run yet → .*wait 60 minutes/,
    );
    const stuck = await examine({}, late);
    expect(stuck.cleanup).toMatch(/^the cleanup has not run yet → check its schedule/);
  });
});
