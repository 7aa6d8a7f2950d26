import type { RankedKind } from "../audit-log/counter-keys.ts";
import type { CounterShards } from "../audit-log/counter-shards.ts";
import type { StatisticsStore } from "../audit-log/counter-store.ts";
import { readRankedItems } from "../audit-log/read-ranked-items.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, toInstant } from "../core/clock.ts";
import { steps } from "../core/steps.ts";
import type { TimeRange } from "../core/time-range.ts";
import { raggedHours } from "./event-buckets.ts";

/** A day or an hour, and the attributes of its items that fall within the range. */
interface Period {
  readonly name: string;
  readonly attributes: ReadonlySet<string>;
}

function attribute(index: number): string {
  return `n${String(index).padStart(2, "0")}`;
}

/** Returns the ranking periods that cover a range: days for whole hours, and hours for partial hours. */
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
 * Returns the most frequent subjects and their counts in a range of whole minutes, for all clients or one client.
 *
 * Cost: one Query per day, partial hour and shard, regardless of the number of subjects. Each Query reads the top 200
 * items or, for one client, the first megabyte. A subject's count is exact if every period's Query returned the
 * subject. Otherwise the count may be too low, but never too high.
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
