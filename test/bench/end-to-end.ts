import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { synthesize } from "../../infra/synthesize.ts";
import { libraryContext } from "../../local/start/library-context.ts";
import { startLocalStack } from "../../local/start/local-stack.ts";
import { queryEvents } from "../../shared/audit-log/query-events.ts";
import type { StoredEvent } from "../../shared/audit-log/stored-event.ts";
import { SECOND_MS, systemClock } from "../../shared/core/clock.ts";
import { issueToken } from "../../shared/index.ts";
import { recordingLogger } from "../integration/world.ts";
import { settled } from "../settled.ts";
import type { Benchmark } from "./benchmark.ts";
import { percentile } from "./percentile.ts";
import { sizes } from "./sizes.ts";

/** Rising loads. The benchmark stops when the stack no longer keeps up. */
const USUAL_CALLS_PER_SECOND = [20, 80, 160, 320, 640];
const SECONDS = 10;
/** The benchmark stops when less than this share of calls is answered on time. */
const SATURATED = 0.9;

interface Call {
  readonly allowed: boolean;
  readonly ms: number;
}

/** Returns a function that measures how busy the CPUs were since its last call, from 0 to 1. */
function createBusyMeter(): () => number {
  const read = () =>
    cpus().reduce(
      (sum, { times }) => ({
        idle: sum.idle + times.idle,
        all: sum.all + Object.values(times).reduce((total, ms) => total + ms, 0),
      }),
      { idle: 0, all: 0 },
    );
  let last = read();
  return () => {
    const now = read();
    const busy = 1 - (now.idle - last.idle) / (now.all - last.all);
    last = now;
    return busy;
  };
}

/** Makes calls at a steady rate, without waiting for responses. */
async function callSteadily(url: string, secret: string, perSecond: number): Promise<Call[]> {
  const calls: Promise<Call>[] = [];
  const startedMs = performance.now();
  for (let n = 0; n < perSecond * SECONDS; n += 1) {
    const dueMs = startedMs + (n * SECOND_MS) / perSecond;
    await sleep(Math.max(0, dueMs - performance.now()));
    const call = async () => {
      const calledMs = performance.now();
      const answer = await fetch(url, { headers: { authorization: `Bearer ${secret}` } });
      await answer.arrayBuffer();
      // Includes errors from an overloaded store.
      return { allowed: answer.ok, ms: performance.now() - calledMs };
    };
    calls.push(call());
  }
  return Promise.all(calls);
}

/**
 * Measures the time from a call to its stored event, through bus, queue and subscriber, at rising load.
 * `CALLS_PER_SECOND` sets the loads.
 */
export const endToEnd: Benchmark = {
  name: "end-to-end",
  async run(report) {
    const directory = mkdtempSync(join(tmpdir(), "oauth-monitoring-bench-"));
    const stack = await startLocalStack({
      assembly: synthesize(directory),
      port: 0,
      dynamodbPort: 0,
      eventbridgePort: 0,
      log: () => {},
    });
    try {
      const library = libraryContext(stack, systemClock, recordingLogger());
      const { secret } = await issueToken(
        { ...library, sink: { publish: async () => {} } },
        { clientId: "app", userId: "ada", scopes: ["api:read"], expiresInSeconds: 86_400 },
      );
      const url = `${stack.url}/api/items/1`;
      // Warm up the functions before measuring.
      await callSteadily(url, secret, 10);
      await settled(stack);
      const rows: (string | number)[][] = [];
      const busySince = createBusyMeter();
      for (const perSecond of sizes("CALLS_PER_SECOND", USUAL_CALLS_PER_SECOND)) {
        report(`${perSecond} calls per second`);
        const fromMs = systemClock();
        const startedMs = performance.now();
        busySince();
        const answered = await callSteadily(url, secret, perSecond);
        const answeredPerSecond = (SECOND_MS * answered.length) / (performance.now() - startedMs);
        const busy = busySince();
        await settled(stack);
        const stored: StoredEvent[] = [];
        const toMs = systemClock();
        for (let cursor: string | undefined, more = true; more; ) {
          const query = { type: "token_used", fromMs, toMs, limit: 1000, cursor };
          const { events, next_cursor } = await queryEvents(library, query);
          stored.push(...events);
          cursor = next_cursor ?? undefined;
          more = cursor !== undefined;
        }
        const allowed = answered.filter((call) => call.allowed).map(({ ms }) => ms);
        const delays = stored.map(
          ({ created_at, occurred_at }) => Date.parse(created_at) - Date.parse(occurred_at),
        );
        rows.push([
          perSecond,
          Math.round(answeredPerSecond),
          `${Math.round(100 * busy)}%`,
          answered.length,
          allowed.length,
          stored.length,
          ...[0.5, 0.95].map((share) => Math.round(percentile(allowed, share))),
          ...[0.5, 0.95, 0.99].map((share) => Math.round(percentile(delays, share))),
        ]);
        if (answeredPerSecond < SATURATED * perSecond) break;
      }
      return [
        {
          title:
            "End to end on the local stack: response time, and time until the event is stored (target: every allowed call is stored)",
          columns: [
            "calls/s",
            "answered/s",
            "CPU utilization",
            "calls",
            "allowed",
            "stored",
            "response p50 ms",
            "p95 ms",
            "stored after p50 ms",
            "p95 ms",
            "p99 ms",
          ],
          rows,
        },
      ];
    } finally {
      await stack.close();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
