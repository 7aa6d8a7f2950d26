import type { RankedKind } from "../audit-log/counter-keys.ts";
import type { CounterShards } from "../audit-log/counter-shards.ts";
import type { StatisticsStore } from "../audit-log/counter-store.ts";
import { readRankedItems } from "../audit-log/read-ranked-items.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, toInstant } from "../core/clock.ts";
import { steps } from "../core/steps.ts";
import type { TimeRange } from "../core/time-range.ts";
import { raggedHours } from "./event-buckets.ts";

/** A day or an hour, and the numbers of its items that lie in the range. */
interface Period {
  readonly name: string;
  readonly attributes: ReadonlySet<string>;
}

function attribute(index: number): string {
  return `n${String(index).padStart(2, "0")}`;
}

/** Whole hours come from the rankings of their days, the ragged ends from those of their hours. */
function periodsOf({ fromMs, toMs }: TimeRange): Period[] {
  const ragged = raggedHours({ fromMs, toMs });
  const within = (startMs: number, stepMs: number, count: number, skip = new Set<number>()) =>
    new Set(
      Array.from({ length: count }, (_, index) => ({ index, atMs: startMs + index * stepMs }))
        .filter(({ atMs }) => atMs + stepMs > fromMs && atMs < toMs && !skip.has(atMs))
        .map(({ index }) => attribute(index)),
    );
  return [
    ...steps(fromMs, toMs, DAY_MS).map((startMs) => ({
      name: toInstant(startMs).slice(0, 10),
      attributes: within(startMs, HOUR_MS, 24, ragged),
    })),
    ...[...ragged].map((startMs) => ({
      name: toInstant(startMs).slice(0, 13),
      attributes: within(startMs, MINUTE_MS, 60),
    })),
  ].filter(({ attributes }) => attributes.size > 0);
}

/**
 * The subjects counted most in a range of whole minutes, of all clients or of one, by count.
 *
 * Cost: a Query for each day, ragged hour and shard, however many subjects there are. Of each of these
 * rankings the first 200 are read, or for one client what fits the first megabyte: a count is exact
 * for a subject that is among them in every period in which it occurs, and never too high.
 */
export async function readRanking(
  store: StatisticsStore,
  kind: RankedKind,
  range: TimeRange,
  shards: CounterShards,
  clientId?: string,
): Promise<Map<string, number>> {
  const totals = new Map<string, number>();
  await Promise.all(
    periodsOf(range).map(async ({ name, attributes }) => {
      const items = await readRankedItems(store, kind, name, shards, clientId);
      for (const { value, numbers } of items) {
        const count = Object.entries(numbers)
          .filter(([field]) => attributes.has(field))
          .reduce((sum, [, number]) => sum + number, 0);
        if (count > 0) totals.set(value, (totals.get(value) ?? 0) + count);
      }
    }),
  );
  return totals;
}
