import { setTimeout as sleep } from "node:timers/promises";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { describe, expect, it } from "vitest";
import { deployedEnvironment } from "../../local/start/library-context.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { issueToken } from "../../shared/index.ts";
import { LOCAL_ACCESS } from "../../shared/stack/local-stack-file.ts";
import { computeSum, getValues, type MetricLine, parseMetricLine } from "../embedded-metrics.ts";
import { useStack } from "./stack.ts";

const scene = useStack({ visibilitySeconds: 2 });

interface LogLine {
  readonly message: string;
  readonly request_id?: string;
  readonly xray_trace_id?: string;
  readonly outcome?: string;
  readonly reason?: string;
  readonly event_ids?: readonly string[];
}

/** Returns the lines that a function logged, as text. */
const getLines = (service: string) =>
  scene()
    .logs.filter((line) => line.startsWith(`${service}: {`))
    .map((line) => line.slice(service.length + 2));

const getLog = (service: string): LogLine[] =>
  getLines(service)
    .map((line) => JSON.parse(line))
    .filter((line) => line._aws === undefined);

/** Returns a function's metric lines after checking each line against the format. */
const getMetrics = (service: string): MetricLine[] =>
  getLines(service)
    .filter((line) => line.includes('"_aws"'))
    .map(parseMetricLine);

/** Polls until the function has written the line. */
async function eventually<T>(find: () => T | undefined | false): Promise<T> {
  for (;;) {
    const found = find();
    if (found) return found;
    await sleep(50);
  }
}

const decisionAbout = (requestId: string) =>
  eventually(() =>
    getLog("authorizer").find(
      ({ message, request_id }) => message === "Call decided" && request_id === requestId,
    ),
  );

const eventsAbout = async (requestId: string) => {
  const { body } = await scene().get("/admin/oauth/events?limit=1000", scene().admin);
  return (body.events as { id: string; event_data: Record<string, unknown> }[]).filter(
    ({ event_data }) => event_data.request_id === requestId,
  );
};

describe("request ID", () => {
  it("leads from an allowed call to its event and its trace", async () => {
    const { headers } = await scene().get("/api/observed", scene().caller);
    await scene().settle();
    const events = await eventsAbout(String(headers["x-amzn-requestid"]));
    expect(events).toHaveLength(1);
    for (const { id, event_data } of events) {
      const entry = scene().busTraffic.find((text) => text.includes(id)) ?? "";
      expect(event_data.trace_id).toMatch(/^1-[0-9a-f]{8}-[0-9a-f]{24}$/);
      expect(JSON.parse(entry).TraceHeader).toContain(`Root=${event_data.trace_id};`);
    }
  });

  it.each<[string, number, string, () => Record<string, string>, string, object]>([
    [
      "without a token",
      401,
      "/api/observed",
      () => ({}),
      "GET",
      { outcome: "unauthenticated", reason: "missing_token" },
    ],
    [
      "without the required scope",
      403,
      "/api/observed",
      () => ({ authorization: `Bearer ${scene().caller}` }),
      "POST",
      { outcome: "insufficient_scope" },
    ],
  ])("leads from a call %s to its log lines, its trace and its events", async (...given) => {
    const [, status, path, headers, method, expected] = given;
    const answer = await scene().send(method, path, headers());
    expect(answer.status).toBe(status);
    const requestId = String(answer.headers["x-amzn-requestid"]);
    if (status >= 400) expect(answer.body.request_id).toBe(requestId);

    const decision = await decisionAbout(requestId);
    expect(decision).toMatchObject(expected);
    await scene().settle();
    const events = await eventsAbout(requestId);
    expect(events.length).toBeGreaterThan(0);
    expect(events.map(({ id }) => id).sort()).toEqual([...(decision.event_ids ?? [])].sort());

    for (const { id, event_data } of events) {
      expect(event_data.trace_id).toBe(decision.xray_trace_id);
      const entry = scene().busTraffic.find((text) => text.includes(id)) ?? "";
      expect(JSON.parse(entry).TraceHeader).toContain(`Root=${decision.xray_trace_id};`);
    }
  });

  it("identifies a single call, which has its own trace", async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) => scene().get(`/api/own/${n}`, scene().caller)),
    );
    const ids = answers.map(({ headers }) => String(headers["x-amzn-requestid"]));
    await scene().settle();
    const traces = new Set();
    for (const [n, id] of ids.entries()) {
      const events = await eventsAbout(id);
      expect(events.map(({ event_data }) => event_data.endpoint)).toEqual([`/api/own/${n}`]);
      traces.add(events[0]?.event_data.trace_id);
    }
    expect(traces.size).toBe(12);
  });
});

/** Waits until the metrics for every call are written. For allowed calls, this can take five seconds. */
async function allWritten(): Promise<void> {
  await scene().settle();
  await sleep(6000);
}

describe("metrics", () => {
  it("count and time each decision by outcome", async () => {
    const { caller, get, send } = scene();
    const names = ["Allowed", "AuthFailed", "ScopeViolation", "Unavailable"];
    const counts = () => names.map((name) => computeSum(getMetrics("authorizer"), name));
    await allWritten();
    const before = counts();
    for (let n = 0; n < 3; n += 1) await get("/api/x", caller);
    for (let n = 0; n < 2; n += 1) await get("/api/x", "unknown-token");
    await send("POST", "/api/x", { authorization: `Bearer ${caller}` });
    const decided = 6 + before.reduce((sum, count) => sum + count, 0);
    await eventually(() => counts().reduce((sum, count) => sum + count, 0) === decided);
    expect(counts().map((count, index) => count - (before[index] ?? 0))).toEqual([3, 2, 1, 0]);
    expect(getValues(getMetrics("authorizer"), "DecisionDuration")).toHaveLength(decided);
  });

  it("are written after the response was sent", async () => {
    const { stack, caller, get } = scene();
    await allWritten();
    const allowed = () => computeSum(getMetrics("authorizer"), "Allowed");
    const before = allowed();
    stack.eventBus.delayMs = 800;
    expect((await get("/api/x", caller)).status).toBe(200);
    expect(allowed()).toBe(before);
    stack.eventBus.delayMs = 0;
    await eventually(() => allowed() === before + 1);
  });

  it("count the outcome of each event and measure its latency", async () => {
    const names = ["EventsStored", "EventsDuplicate", "EventsRejected", "SuspiciousActivity"];
    const counts = () => names.map((name) => computeSum(getMetrics("subscriber"), name));
    const { stack, settle } = scene();
    await settle();
    const before = counts();
    const lags = getValues(getMetrics("subscriber"), "EventLag").length;
    const at = (ageMs: number) =>
      createEvent(
        { eventType: "suspicious_activity", clientId: "producer", details: {} },
        Date.now() - ageMs,
      );
    const [fresh, old] = [at(0), at(60_000)];
    const client = new EventBridgeClient({ ...LOCAL_ACCESS, endpoint: stack.eventbridgeEndpoint });
    await client.send(
      new PutEventsCommand({
        Entries: [fresh, old, old, { ...old, id: "no id" }].map((detail) => ({
          EventBusName: deployedEnvironment(stack).EVENT_BUS_NAME,
          Source: "oauth.monitoring",
          DetailType: "oauth.suspicious_activity",
          Detail: JSON.stringify(detail),
        })),
      }),
    );
    const gained = () => counts().map((count, index) => count - (before[index] ?? 0));
    await eventually(() => gained().join() === "2,1,1,2");
    const newLags = getValues(getMetrics("subscriber"), "EventLag").slice(lags);
    expect(newLags).toHaveLength(2);
    expect(Math.max(...newLags)).toBeGreaterThanOrEqual(60_000);
    expect(Math.min(...newLags)).toBeLessThan(30_000);
  });

  it("count events that are spooled while the bus is down and republished later", async () => {
    const { stack, get, caller } = scene();
    stack.eventBus.down = true;
    await get("/api/spooled", caller);
    await eventually(() => computeSum(getMetrics("authorizer"), "EventsSpooled") === 1);
    await eventually(() => computeSum(getMetrics("republisher"), "EventsRejected") > 0);
    stack.eventBus.down = false;
    await eventually(() => computeSum(getMetrics("republisher"), "EventsReturned") === 1);
    expect(computeSum(getMetrics("authorizer"), "EventsLost")).toBe(0);
  });

  it("report how many items a cleanup deleted and that it completed", async () => {
    const { library, send } = scene();
    await issueToken(library, { clientId: "app", scopes: ["api:read"], expiresInSeconds: 1 });
    await sleep(1100);
    expect((await send("POST", "/_local/schedules/cleanup/run", {})).status).toBe(200);
    const [line] = await eventually(
      () => getMetrics("cleanup").length > 0 && getMetrics("cleanup"),
    );
    expect(line?.values).toMatchObject({
      AccessTokensRemoved: [1],
      AuthorizationCodesRemoved: [0],
      SessionsRemoved: [0],
      EventsRemoved: [0],
      CleanupFinished: [1],
    });
  });

  it("contain no client, user or token, and the log contains no secret", async () => {
    const { caller, admin, logs } = scene();
    const text = ["authorizer", "subscriber", "republisher", "cleanup"]
      .flatMap((service) => getLines(service).filter((line) => line.includes('"_aws"')))
      .join("\n");
    expect(text).not.toMatch(/"(app|ada|ops|producer)"|token_id|client_id/);
    expect(logs.join("\n")).not.toContain(caller);
    expect(logs.join("\n")).not.toContain(admin);
  });

  it("count calls that are denied because the token store does not respond", async () => {
    const { stack, get, caller } = scene();
    await stack.stopStore();
    const { status, headers, body } = await get("/api/x", caller);
    expect(status).toBe(503);
    expect(body.request_id).toBe(headers["x-amzn-requestid"]);
    expect(await decisionAbout(body.request_id)).toMatchObject({ outcome: "unavailable" });
    await eventually(() => computeSum(getMetrics("authorizer"), "Unavailable") === 1);
    const line = getLog("authorizer").find(({ message }) => message.includes("is unavailable"));
    expect(line?.request_id).toBe(body.request_id);
  });
});
