import { DAY_MS, HOUR_MS, MINUTE_MS, toInstant } from "../core/clock.ts";
import { allShardKeys, queryEach } from "../core/document-client.ts";
import { steps } from "../core/time-range.ts";
import type { CounterField, CounterKind } from "./counter-keys.ts";
import type { CounterShards } from "./counter-shards.ts";
import type { StatisticsStore } from "./counter-store.ts";

/** The count of one field in [startMs, startMs + lengthMs). */
export interface Bucket {
  readonly dimensions: readonly string[];
  readonly field: CounterField;
  readonly startMs: number;
  readonly lengthMs: number;
  readonly count: number;
}

interface Resolution {
  readonly name: "day" | "hour";
  /** Returns the time prefix that names the partition. */
  readonly getPartition: (atMs: number) => string;
  /** Length of the period that one item covers, and the part of the instant that identifies the item. */
  readonly itemMs: number;
  readonly getItem: (atMs: number) => string;
  readonly bucketMs: number;
}

const DAY: Resolution = {
  name: "day",
  getPartition: (atMs) => toInstant(atMs).slice(0, 7),
  itemMs: DAY_MS,
  getItem: (atMs) => toInstant(atMs).slice(8, 10),
  bucketMs: HOUR_MS,
};

const HOUR: Resolution = {
  name: "hour",
  getPartition: (atMs) => toInstant(atMs).slice(0, 10),
  itemMs: HOUR_MS,
  getItem: (atMs) => toInstant(atMs).slice(11, 13),
  bucketMs: MINUTE_MS,
};

/** Groups item start times by partition. */
function runs(starts: readonly number[], resolution: Resolution): Map<string, number[]> {
  const byPartition = new Map<string, number[]>();
  for (const start of starts) {
    const partition = resolution.getPartition(start);
    byPartition.set(partition, [...(byPartition.get(partition) ?? []), start]);
  }
  return byPartition;
}

/**
 * Reads the items whose periods start at the given instants.
 *
 * @param dimensionCount number of dimensions that the kind has; the last one may contain the separator
 */
async function readItems(
  store: StatisticsStore,
  kind: CounterKind,
  dimensionCount: number,
  starts: readonly number[],
  resolution: Resolution,
  shards: CounterShards,
): Promise<Bucket[]> {
  const buckets = await Promise.all(
    [...runs(starts, resolution)].map(async ([partition, itemStarts]) => {
      const startByItem = new Map(itemStarts.map((start) => [resolution.getItem(start), start]));
      const names = [...startByItem.keys()].sort();
      const items = await queryEach(
        store.db,
        allShardKeys(`${kind}/${resolution.name}/${partition}`, shards(partition)).map((pk) => ({
          TableName: store.countersTable,
          KeyConditionExpression: "pk = :pk AND sk BETWEEN :first AND :last",
          ExpressionAttributeValues: {
            ":pk": pk,
            ":first": `${names[0]}#`,
            ":last": `${names.at(-1)}#\u{10FFFF}`,
          },
        })),
      );
      return items.flatMap((item) => toBuckets(item, startByItem, dimensionCount, resolution));
    }),
  );
  return buckets.flat();
}

function toBuckets(
  item: Record<string, unknown>,
  startByItem: ReadonlyMap<string, number>,
  dimensionCount: number,
  resolution: Resolution,
): Bucket[] {
  const [name = "", ...parts] = String(item.sk).split("#");
  const start = startByItem.get(name);
  if (start === undefined) return [];
  const dimensions = [
    ...parts.slice(0, dimensionCount - 1),
    parts.slice(dimensionCount - 1).join("#"),
  ];
  return Object.entries(item).flatMap(([attribute, count]) => {
    const match = /^([nsgir])(\d\d)$/.exec(attribute);
    if (!match || typeof count !== "number") return [];
    return [
      {
        dimensions,
        field: match[1] as CounterField,
        startMs: start + Number(match[2]) * resolution.bucketMs,
        lengthMs: resolution.bucketMs,
        count,
      },
    ];
  });
}

/** Reads hourly buckets for the days in [fromMs, toMs). Sends one Query per month and shard. */
export async function readHourBuckets(
  store: StatisticsStore,
  kind: CounterKind,
  dimensionCount: number,
  fromMs: number,
  toMs: number,
  shards: CounterShards,
): Promise<Bucket[]> {
  const days = steps(fromMs, toMs, DAY_MS);
  const buckets = await readItems(store, kind, dimensionCount, days, DAY, shards);
  return buckets.filter(
    (bucket) => bucket.startMs + bucket.lengthMs > fromMs && bucket.startMs < toMs,
  );
}

/** Reads minute buckets for the hours that start at the given instants. Sends one Query per day and shard. */
export async function readMinuteBuckets(
  store: StatisticsStore,
  kind: CounterKind,
  dimensionCount: number,
  hourStarts: readonly number[],
  shards: CounterShards,
): Promise<Bucket[]> {
  return readItems(store, kind, dimensionCount, hourStarts, HOUR, shards);
}
