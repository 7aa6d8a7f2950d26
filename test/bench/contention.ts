import { attack, callOfOneClient } from "../contention/loads.ts";
import { type Load, simulate } from "../contention/simulate.ts";
import type { Benchmark } from "./benchmark.ts";

const SECONDS = 60;

const LOADS: readonly (readonly [name: string, load: Omit<Load, "seconds">])[] = [
  ["calls by one client", { event: callOfOneClient, eventsPerSecond: 1000, subscribers: 10 }],
  ["calls by one client", { event: callOfOneClient, eventsPerSecond: 3000, subscribers: 50 }],
  ["attack from random addresses", { event: attack, eventsPerSecond: 3000, subscribers: 10 }],
  ["attack from random addresses", { event: attack, eventsPerSecond: 3000, subscribers: 50 }],
];

const percent = (part: number, total: number) => ((100 * part) / total).toFixed(1);

/**
 * Runs the subscriber's code in virtual time. The in-memory store cancels a transaction if another transaction holds
 * one of the same items. A transaction holds its items for 15 to 30 ms.
 */
export const contention: Benchmark = {
  name: "contention",
  async run(report) {
    const rows: (string | number)[][] = [];
    for (const [name, load] of LOADS) {
      report(`${name}, ${load.eventsPerSecond} per second, ${load.subscribers} subscribers`);
      const result = await simulate({ ...load, seconds: SECONDS });
      const cancelled = percent(result.cancelled, result.transactions);
      const returned = percent(result.returned, result.stored);
      rows.push([
        name,
        load.eventsPerSecond,
        load.subscribers,
        result.transactions,
        cancelled,
        returned,
        Math.round(result.stored / SECONDS),
        result.behind,
        Math.round(result.batchMs),
        Number(cancelled) <= 5 && Number(returned) <= 0.5 ? "met" : "missed",
      ]);
    }
    return [
      {
        title: `Contention: ${SECONDS} s from a cold start, conflicting transactions are cancelled (target: <= 5% cancelled, <= 0.5% of events returned to the queue)`,
        columns: [
          "load",
          "events/s",
          "subscribers",
          "transactions",
          "% cancelled",
          "% returned",
          "stored/s",
          "waiting at the end",
          "p95 batch ms",
          "target",
        ],
        rows,
      },
    ];
  },
};
