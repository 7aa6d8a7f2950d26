import { setTimeout as sleep } from "node:timers/promises";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { createEventPublisher } from "../../shared/events/event-publisher.ts";
import { createBufferedSink } from "../../shared/events/event-sink.ts";
import { watchStore } from "../integration/store-traffic.ts";
import type { World } from "../integration/world.ts";
import { allowed, scene } from "./authorizer-scene.ts";
import type { BenchmarkTable } from "./benchmark.ts";
import { startCountingProxy } from "./counting-proxy.ts";
import { startDelayedBus } from "./delayed-bus.ts";
import { Answered, interleaved } from "./interleaved.ts";
import { median, percentile } from "./percentile.ts";

/** Bus delays, and the number of calls per variant. With a slower bus, there is time for fewer calls. */
const BUS = [
  { delayMs: 0, rounds: 1500 },
  { delayMs: 20, rounds: 500 },
  { delayMs: 100, rounds: 200 },
];
const WARM_UP = 100;

/** Measures round trips and bytes between a call and its response. */
export async function responsePath(world: World): Promise<BenchmarkTable> {
  const { context, request } = await scene(world);
  const proxy = await startCountingProxy(world.endpoint);
  try {
    const db = createDocumentClient("call", { endpoint: proxy.endpoint });
    const untracked = { ...context, db, sink: { publish: async () => {} }, defer: () => {} };
    await allowed(untracked, request);
    proxy.reset();
    const calls = 20;
    for (let call = 0; call < calls; call += 1) await allowed(untracked, request);
    const { sent, received } = proxy;
    // Added after the bytes are counted, because it makes the store return more data.
    const traffic = watchStore(db);
    await allowed(untracked, request);
    return {
      title: "Authorizer: the response path of an allowed call (target: 1 round trip)",
      columns: ["figure", "a call"],
      rows: [
        ["round trips to the store", traffic.roundTrips],
        ["write units", traffic.writeUnits],
        ["read units", traffic.readUnits],
        ["bytes sent, including headers", Math.round(sent / calls)],
        ["bytes received, including headers", Math.round(received / calls)],
      ],
    };
  } finally {
    await proxy.close();
  }
}

/** Measures the latency that tracking adds to the response, compared with the same decisions without tracking. */
export async function addedLatency(world: World): Promise<BenchmarkTable> {
  const { context, request } = await scene(world);
  const db = createDocumentClient("call", { endpoint: world.endpoint });
  const bus = await startDelayedBus();
  try {
    const publisher = createEventPublisher({
      eventBridge: new EventBridgeClient({ endpoint: bus.endpoint, maxAttempts: 1 }),
      eventBusName: "bench",
      logger: context.logger,
    });
    // Every call comes after the same pause, because calls after longer pauses are slower, tracked or not. Without a
    // fixed pause, the time of the next call would depend on when the deferred work ended.
    const pause = () => sleep(bus.delayMs + 2);
    // Publishes no events.
    const untracked = async () => {
      const sink = { publish: async () => {} };
      await allowed({ ...context, db, sink, defer: () => {} }, request);
      const answered = new Answered();
      await pause();
      return answered;
    };
    // Like the handler, runs all deferred work after the response and finishes it before the next call.
    const tracked = async () => {
      const sink = createBufferedSink(publisher);
      const deferred: (() => Promise<unknown>)[] = [];
      const defer = (task: () => Promise<unknown>) => void deferred.push(task);
      await allowed({ ...context, db, sink, defer }, request);
      const answered = new Answered();
      await new Promise((resolve) => setImmediate(resolve));
      await Promise.all(deferred.map((task) => task()));
      await sink.flush();
      await pause();
      return answered;
    };
    const rows: (string | number)[][] = [];
    for (const { delayMs, rounds } of BUS) {
      bus.delayMs = delayMs;
      bus.entries = 0;
      const times = await interleaved(
        { untracked, control: untracked, tracked },
        { rounds, warmUp: WARM_UP },
      );
      if (bus.entries !== 2 * (rounds + WARM_UP)) throw new Error("not every event was published");
      const medianRatio = (ms: readonly number[]) =>
        median(ms.map((each, round) => each / (times.untracked[round] ?? Number.NaN)));
      const p95 = percentile(times.tracked, 0.95) / percentile(times.untracked, 0.95);
      rows.push([
        delayMs,
        rounds,
        median(times.untracked).toFixed(2),
        median(times.tracked).toFixed(2),
        medianRatio(times.tracked).toFixed(3),
        medianRatio(times.control).toFixed(3),
        p95.toFixed(3),
        medianRatio(times.tracked) <= 1.05 ? "met" : "missed",
      ]);
    }
    return {
      title:
        "Authorizer: response time with tracking, compared with no tracking (target: median ratio <= 1.05)",
      columns: [
        "bus latency ms",
        "calls per variant",
        "median ms without",
        "median ms with",
        "median ratio",
        "ratio of no tracking to itself",
        "ratio of p95",
        "target",
      ],
      rows,
    };
  } finally {
    await bus.close();
  }
}
