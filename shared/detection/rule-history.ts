import { type CounterShards, readCounterShards } from "../audit-log/counter-shards.ts";
import type { StatisticsStore } from "../audit-log/counter-store.ts";
import { type Bucket, readMinuteBuckets } from "../audit-log/read-counters.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../core/clock.ts";
import { steps } from "../core/time-range.ts";
import { countsOfHours, type RecentCounts } from "./read-rankings.ts";
import type { RuleCounts } from "./rules/custom-rule.ts";
import type { SubjectCount } from "./rules/detection-snapshot.ts";

/** Event counters have two dimensions: type and client. */
const DIMENSIONS = 2;

/** Returns event counts per minute, by client and by the value that `getName` returns. */
export function minuteCounts(
  buckets: readonly Bucket[],
  getName: (bucket: Bucket) => string | undefined,
): SubjectCount[] {
  const found = new Map<string, SubjectCount & { readonly minutes: Map<number, number> }>();
  for (const bucket of buckets) {
    const value = getName(bucket);
    if (value === undefined) continue;
    const clientId = bucket.dimensions[1] ?? "";
    const key = JSON.stringify([clientId, value]);
    const counted = found.get(key) ?? { clientId, value, minutes: new Map<number, number>() };
    found.set(key, counted);
    counted.minutes.set(bucket.startMs, (counted.minutes.get(bucket.startMs) ?? 0) + bucket.count);
  }
  return [...found.values()];
}

/** Returns event counts by client from minute counters, in the form that custom rules use. */
export function clientCounts(
  minutes: readonly Bucket[],
): Pick<RuleCounts, "typeCounts" | "clientCredentialGuesses"> {
  return {
    typeCounts: minuteCounts(minutes, ({ field, dimensions }) =>
      field === "n" ? dimensions[0] : undefined,
    ),
    clientCredentialGuesses: minuteCounts(minutes, ({ field }) => (field === "g" ? "" : undefined)),
  };
}

const NONE: RecentCounts = { counts: [], credentialGuesses: [] };

/**
 * Reads the per-minute counts that rules use in [fromMs, toMs). For addresses and reasons, it can read only the top 200
 * of each hour and counter shard.
 *
 * Cost: one Query per day and shard for clients, and one per hour and shard for addresses or reasons.
 */
export async function readRuleHistory(
  store: StatisticsStore,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  groupings: ReadonlySet<"client" | "address" | "reason">,
): Promise<RuleCounts> {
  const shards = await readCounterShards(store, fromMs - DAY_MS, toMs + MINUTE_MS);
  const hours = steps(fromMs, toMs, HOUR_MS);
  const buckets = groupings.has("client")
    ? await readMinuteBuckets(store, "events", DIMENSIONS, hours, shards)
    : [];
  const ranked = (kind: "failed_ips" | "failed_reasons") => readByDay(store, kind, hours, shards);
  const failed = groupings.has("address") ? await ranked("failed_ips") : NONE;
  const reasons = groupings.has("reason") ? await ranked("failed_reasons") : NONE;
  return {
    ...clientCounts(buckets),
    failedIps: failed.counts,
    credentialGuessesByIp: failed.credentialGuesses,
    failedReasons: reasons.counts,
  };
}

/** Reads one day's hours at a time to limit the number of concurrent Queries. */
async function readByDay(
  store: StatisticsStore,
  kind: "failed_ips" | "failed_reasons",
  hours: readonly number[],
  shards: CounterShards,
): Promise<RecentCounts> {
  const days: RecentCounts[] = [];
  for (let start = 0; start < hours.length; start += 24) {
    days.push(await countsOfHours(store, kind, hours.slice(start, start + 24), shards));
  }
  return {
    counts: days.flatMap(({ counts }) => counts),
    credentialGuesses: days.flatMap(({ credentialGuesses }) => credentialGuesses),
  };
}
