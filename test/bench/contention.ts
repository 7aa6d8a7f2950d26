import { attack, callOfOneClient } from "../contention/loads.ts";
import { type Load, simulate } from "../contention/simulate.ts";
import type { Benchmark } from "./benchmark.ts";

const SECONDS = 60;

const LOADS: readonly (readonly [name: string, load: Omit<Load, "seconds">])[] = [
  ["calls of one client", { event: callOfOneClient, eventsPerSecond: 1000, subscribers: 10 }],
  ["calls of one client", { event: callOfOneClient, eventsPerSecond: 3000, subscribers: 50 }],
  ["attack from random addresses", { event: attack, eventsPerSecond: 3000, subscribers: 10 }],
  ["attack from random addresses", { event: attack, eventsPerSecond: 3000, subscribers: 50 }],
];

const percent = (part: number, whole: number) => ((100 * part) / whole).toFixed(1);

/**
 * Runs the subscriber's code in virtual time. The in-memory store cancels a transaction if another transaction holds
 * one of the same items. A transaction holds its items for 15 to 30 ms.
 */
export const contention: Benchmark = {
  name: "contention",
  async run(report) {
    const rows: (string | number)[][] = [];
    for (const [name, load] of LOADS) {
      report(`${name}, ${load.eventsPerSecond} a second, ${load.subscribers} subscribers`);
      const seen = await simulate({ ...load, seconds: SECONDS });
      const cancelled = percent(seen.cancelled, seen.transactions);
      const returned = percent(seen.returned, seen.stored);
      rows.push([
        name,
        load.eventsPerSecond,
        load.subscribers,
        seen.transactions,
        cancelled,
        returned,
        Math.round(seen.stored / SECONDS),
        seen.behind,
        Math.round(seen.batchMs),
        Number(cancelled) <= 5 && Number(returned) <= 0.5 ? "met" : "missed",
      ]);
    }
    return [
      {
        title: `Contention: ${SECONDS} s from a standing start, transactions that conflict are cancelled (target: <= 5 % cancelled, <= 0.5 % of events given back to the queue)`,
        columns: [
          "load",
          "events/s",
          "subscribers",
          "transactions",
          "% cancelled",
          "% given back",
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
