import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { traceId } from "../../adapters/events/invocation.ts";
import { decisionMetric } from "../../functions/authorizer/decide-call.ts";
import { measureCleanup } from "../../functions/cleanup/cleanup-metrics.ts";
import { createMetrics, measureInit } from "../../functions/runtime/metrics.ts";
import { countSet } from "../../functions/runtime/set-receiver.ts";
import { measureBatch } from "../../functions/subscriber/store-batch.ts";
import type { Decision } from "../../shared/authorization/decision.ts";
import { METRIC_NAMES, SIGNAL_METRIC_NAMES } from "../../shared/core/telemetry.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { computeSum, getValues, parseMetricLine } from "../embedded-metrics.ts";

let written: string[] = [];
const lines = () => written.map(parseMetricLine);

beforeEach(() => {
  written = [];
  vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    written.push(...String(chunk).split("\n").filter(Boolean));
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

const event = (eventType: string, atMs: number) =>
  createEvent({ eventType, clientId: "app", details: { request_id: "r" } }, atMs);

describe("createMetrics", () => {
  it("writes one line in the embedded metric format with the service and stack as dimensions", () => {
    const metrics = createMetrics("authorizer", "Shop");
    metrics.count("Allowed", 1);
    metrics.milliseconds("DecisionDuration", 12);
    metrics.publish();
    expect(lines()).toEqual([
      {
        namespace: "OAuthMonitoring",
        dimensions: { service: "authorizer", stack: "Shop" },
        units: { Allowed: "Count", DecisionDuration: "Milliseconds" },
        values: { Allowed: [1], DecisionDuration: [12] },
      },
    ]);
  });

  it("is empty again after writing a line and writes nothing when there are no values", () => {
    const metrics = createMetrics("republisher", "Shop");
    metrics.publish();
    expect(written).toEqual([]);
    for (const count of [2, 3]) {
      metrics.count("EventsReturned", count);
      metrics.publish();
    }
    expect(lines().map(({ values }) => values.EventsReturned)).toEqual([[2], [3]]);
  });
});

describe("measureInit", () => {
  it("records a cold start unless the environment was provisioned before the call", () => {
    const metrics = createMetrics("authorizer", "Shop");
    measureInit(metrics, { AWS_LAMBDA_INITIALIZATION_TYPE: "provisioned-concurrency" });
    metrics.publish();
    expect(written).toEqual([]);
    measureInit(metrics, { AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand" });
    metrics.publish();
    expect(lines()).toMatchObject([{ units: { InitDuration: "Milliseconds" } }]);
  });
});

describe("metrics with delayed publishing", () => {
  const allowed = (metrics: ReturnType<typeof createMetrics<"authorizer">>) => {
    metrics.count("Allowed", 1);
    metrics.publishSoon();
  };

  it("are written in one line for all calls within five seconds", () => {
    vi.useFakeTimers();
    const metrics = createMetrics("authorizer", "Shop", () => 0);
    for (let n = 0; n < 3; n += 1) allowed(metrics);
    expect(written).toEqual([]);
    vi.advanceTimersByTime(5000);
    expect(lines().map(({ values }) => values.Allowed)).toEqual([[1, 1, 1]]);
    vi.useRealTimers();
  });

  it("are written by the first call after Lambda froze the environment", () => {
    let nowMs = 0;
    const metrics = createMetrics("authorizer", "Shop", () => nowMs);
    allowed(metrics);
    nowMs = 5000;
    allowed(metrics);
    expect(computeSum(lines(), "Allowed")).toBe(2);
  });

  it("are written immediately together with urgent metrics", () => {
    const metrics = createMetrics("authorizer", "Shop", () => 0);
    allowed(metrics);
    metrics.count("AuthFailed", 1);
    metrics.publish();
    expect(computeSum(lines(), "Allowed")).toBe(1);
    expect(computeSum(lines(), "AuthFailed")).toBe(1);
  });
});

describe("measureBatch", () => {
  it("records the lag of all 250 events within CloudWatch's limits", () => {
    const at = 1_800_000_000_000;
    const stored = Array.from({ length: 250 }, (_, n) => event("token_used", at - n));
    const outcome = { stored, duplicates: 3, rejected: 2, retried: 1 };
    measureBatch(createMetrics("subscriber", "Shop"), outcome, at);
    expect(lines().length).toBeGreaterThan(1);
    expect(getValues(lines(), "EventLag")).toEqual(Array.from({ length: 250 }, (_, n) => n));
    expect(computeSum(lines(), "EventsStored")).toBe(250);
    expect(computeSum(lines(), "EventsDuplicate")).toBe(3);
    expect(computeSum(lines(), "EventsRejected")).toBe(2);
    expect(computeSum(lines(), "EventsRetried")).toBe(1);
  });

  it("counts the stored security events by type", () => {
    const at = 1_800_000_000_000;
    const types = ["auth_failed", "suspicious_activity", "auth_failed", "scope_violation", "other"];
    const outcome = { duplicates: 0, rejected: 0, retried: 0 };
    measureBatch(
      createMetrics("subscriber", "Shop"),
      { ...outcome, stored: types.map((type) => event(type, at)) },
      at,
    );
    expect(computeSum(lines(), "AuthFailed")).toBe(2);
    expect(computeSum(lines(), "ScopeViolation")).toBe(1);
    expect(computeSum(lines(), "SuspiciousActivity")).toBe(1);
  });

  it("reports a lag of zero when the producer's clock is ahead", () => {
    const at = 1_800_000_000_000;
    const outcome = { stored: [event("token_used", at + 5000)] };
    measureBatch(
      createMetrics("subscriber", "Shop"),
      { ...outcome, duplicates: 0, rejected: 0, retried: 0 },
      at,
    );
    expect(getValues(lines(), "EventLag")).toEqual([0]);
  });
});

it("measureCleanup counts removals by kind and whether the cleanup finished", () => {
  const metrics = createMetrics("cleanup", "Shop");
  const removed = { access_tokens: 4, authorization_codes: 3, sessions: 2, events: 1 };
  for (const finished of [true, false]) {
    measureCleanup(metrics, { removed, finished, durationMs: 70 });
  }
  expect(lines().map(({ values }) => values)).toMatchObject([
    {
      AccessTokensRemoved: [4],
      AuthorizationCodesRemoved: [3],
      SessionsRemoved: [2],
      EventsRemoved: [1],
      CleanupFinished: [1],
      CleanupDuration: [70],
    },
    { CleanupFinished: [0] },
  ]);
});

it.each([
  ["accepted", ["SetsAccepted"]],
  ["deferred", ["SetsDeferred"]],
  ["invalid_request", ["SetsRejected", "InvalidRequest"]],
  ["invalid_key", ["SetsRejected", "InvalidKey"]],
  ["invalid_issuer", ["SetsRejected", "InvalidIssuer"]],
  ["invalid_audience", ["SetsRejected", "InvalidAudience"]],
  ["authentication_failed", ["SetsRejected", "AuthenticationFailed"]],
  ["access_denied", ["SetsRejected", "AccessDenied"]],
] as const)("countSet counts a SET that is %s as %s", (outcome, names) => {
  const metrics = createMetrics("signal-receiver", "Shop");
  countSet(metrics, outcome);
  metrics.publish();
  const [line] = lines();
  expect(line?.values).toEqual(Object.fromEntries(names.map((name) => [name, [1]])));
  expect(SIGNAL_METRIC_NAMES["signal-receiver"]).toEqual(expect.arrayContaining([...names]));
  expect(SIGNAL_METRIC_NAMES["signal-poller"]).toEqual(expect.arrayContaining([...names]));
});

it.each<[Decision["outcome"] | "failed", string]>([
  ["allowed", "Allowed"],
  ["unauthenticated", "AuthFailed"],
  ["invalid_session", "AuthFailed"],
  ["insufficient_scope", "ScopeViolation"],
  ["unavailable", "Unavailable"],
  ["failed", "Unavailable"],
])("decisionMetric counts a decision that is %s as %s", (outcome, metric) => {
  const decision = outcome === "failed" ? undefined : ({ outcome } as Decision);
  expect(decisionMetric(decision)).toBe(metric);
  expect(METRIC_NAMES.authorizer).toContain(metric);
});

it.each([
  ["Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1", true],
  ["Parent=53995c3f42cd8ad8;Root=1-67891233-abcdef012345678912345678", true],
  ["Parent=53995c3f42cd8ad8", false],
  ["", false],
])("traceId reads the trace ID from %j", (header, found) => {
  vi.stubEnv("_X_AMZN_TRACE_ID", header);
  expect(traceId()).toBe(found ? "1-67891233-abcdef012345678912345678" : undefined);
});
