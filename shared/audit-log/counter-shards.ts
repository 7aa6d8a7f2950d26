import { DAY_MS, toInstant } from "../core/clock.ts";
import { steps } from "../core/time-range.ts";
import type { StatisticsStore } from "./counter-store.ts";
import {
  type RegisteredValues,
  registerValues,
  type ValueKind,
  valuesInUse,
} from "./values-in-use.ts";

/** Returns the counter shard count for a month (`2026-11`), a day (`2026-11-23`) or an hour (`2026-11-23T10`). */
export type CounterShards = (period: string) => number;

const getValueKind = (month: string): ValueKind => `counter_shards/${month}`;

/**
 * Registers that counters for the days in `atMs` may use more shards than `shards.counters.read`. Call it before
 * writing the first such counter.
 *
 * Cost: one read unit and one write unit for each day and shard count that this process hasn't registered yet.
 */
export async function registerCounterShards(
  store: StatisticsStore,
  registered: RegisteredValues,
  atMs: Iterable<number>,
  shards: number,
): Promise<void> {
  if (shards <= store.config.shards.counters.read) return;
  const days = new Set([...atMs].map((each) => Math.floor(each / DAY_MS) * DAY_MS));
  await registerValues(
    store,
    registered,
    [...days].map((dayMs) => {
      const day = toInstant(dayMs).slice(0, 10);
      const kind = getValueKind(day.slice(0, 7));
      return { kind, value: `${day.slice(8)}/${shards}`, untilMs: dayMs + DAY_MS };
    }),
  );
}

/** Reads the shard counts for the days in [fromMs, toMs). Sends one Query per month. */
export async function readCounterShards(
  store: StatisticsStore,
  fromMs: number,
  toMs: number,
): Promise<CounterShards> {
  const days = steps(fromMs, toMs, DAY_MS).map((dayMs) => toInstant(dayMs).slice(0, 10));
  const months = [...new Set(days.map((day) => day.slice(0, 7)))];
  const wanted = new Set(days);
  const shardsByDay = new Map<string, number>();
  await Promise.all(
    months.map(async (month) => {
      for (const value of await valuesInUse(store, getValueKind(month))) {
        const [dayOfMonth, shards] = value.split("/");
        const day = `${month}-${dayOfMonth}`;
        if (!wanted.has(day)) continue;
        shardsByDay.set(day, Math.max(shardsByDay.get(day) ?? 0, Number(shards)));
      }
    }),
  );
  const { read } = store.config.shards.counters;
  return (period) => {
    const found = [...shardsByDay].filter(
      ([day]) => period.startsWith(day) || day.startsWith(period),
    );
    return Math.max(read, ...found.map(([, shards]) => shards));
  };
}
