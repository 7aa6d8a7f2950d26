import { computeDigest, type RankedKind } from "../audit-log/counter-keys.ts";
import type { CounterShards } from "../audit-log/counter-shards.ts";
import type { StatisticsStore } from "../audit-log/counter-store.ts";
import { readRankedItems } from "../audit-log/read-ranked-items.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, toInstant } from "../core/clock.ts";
import { allShardKeys, batchGetAll } from "../core/document-client.ts";
import type { HourCounts, SampledUses, SubjectCount } from "./rules/detection-snapshot.ts";
import { NOTABLE_SAMPLES, SLOW_HOURS, samplesIn } from "./rules/scraping.ts";

/** Returns when the current and the previous hour start. Together, they cover the last sixty minutes. */
export function lastHours(nowMs: number): number[] {
  const hour = Math.floor((nowMs - 1) / HOUR_MS) * HOUR_MS;
  return [hour - HOUR_MS, hour];
}

export async function mapEach<V>(
  keys: Iterable<string>,
  read: (key: string) => Promise<V>,
): Promise<Map<string, V>> {
  return new Map(
    await Promise.all([...new Set(keys)].map(async (key) => [key, await read(key)] as const)),
  );
}

/** Counts for some hours, and how many of them are credential guesses. */
export interface RecentCounts {
  readonly counts: SubjectCount[];
  readonly credentialGuesses: SubjectCount[];
}

interface Gathered extends SubjectCount {
  readonly minutes: Map<number, number>;
}

function add(
  to: Map<string, Gathered>,
  { clientId, value }: Pick<SubjectCount, "clientId" | "value">,
  numbers: Readonly<Record<string, number>>,
  hourMs: number,
): void {
  if (Object.keys(numbers).length === 0) return;
  const key = JSON.stringify([clientId, value]);
  const subject = to.get(key) ?? { clientId, value, minutes: new Map() };
  to.set(key, subject);
  for (const [attribute, count] of Object.entries(numbers)) {
    const startMs = hourMs + Number(attribute.slice(1)) * MINUTE_MS;
    subject.minutes.set(startMs, (subject.minutes.get(startMs) ?? 0) + count);
  }
}

/** Reads a kind's most frequent subjects in each of the hours that start at `starts`, with counts per minute. */
export async function countsOfHours(
  store: StatisticsStore,
  kind: RankedKind,
  starts: readonly number[],
  shards: CounterShards,
): Promise<RecentCounts> {
  const counts = new Map<string, Gathered>();
  const credentialGuesses = new Map<string, Gathered>();
  const hours = await Promise.all(
    starts.map(async (hourMs) => ({
      hourMs,
      items: await readRankedItems(store, kind, toInstant(hourMs).slice(0, 13), shards),
    })),
  );
  for (const { hourMs, items } of hours) {
    for (const item of items) {
      add(counts, item, item.numbers, hourMs);
      add(credentialGuesses, item, item.credentialGuesses, hourMs);
    }
  }
  return { counts: [...counts.values()], credentialGuesses: [...credentialGuesses.values()] };
}

/** Adds a day item's hourly counts. */
function addHours(
  to: Map<number, number>,
  day: string,
  numbers: Readonly<Record<string, number>>,
): void {
  for (const [attribute, count] of Object.entries(numbers)) {
    const hourMs = Date.parse(`${day}T00:00:00.000Z`) + Number(attribute.slice(1)) * HOUR_MS;
    to.set(hourMs, (to.get(hourMs) ?? 0) + count);
  }
}

const daysBack = (nowMs: number, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) =>
    toInstant(nowMs - (from + n) * DAY_MS).slice(0, 10),
  );

/** Returns hourly credential guesses, yesterday and today, for the addresses with the most failures. */
export async function readCredentialGuessHoursByIp(
  store: StatisticsStore,
  nowMs: number,
  shards: CounterShards,
): Promise<Map<string, HourCounts>> {
  const hours = new Map<string, Map<number, number>>();
  for (const day of daysBack(nowMs, 0, 1)) {
    for (const { value, credentialGuesses } of await readRankedItems(
      store,
      "failed_ips",
      day,
      shards,
    )) {
      if (Object.keys(credentialGuesses).length === 0) continue;
      const hourCounts = hours.get(value) ?? new Map<number, number>();
      hours.set(value, hourCounts);
      addHours(hourCounts, day, credentialGuesses);
    }
  }
  return hours;
}

/**
 * Earlier days are read for at most this many users, and this many tokens without a user. `DAYS_BEFORE` is how many
 * days to go back.
 */
const MAX_NOTABLE = 15;
const DAYS_BEFORE = 7;

/**
 * Returns the principals with the most samples today and yesterday. For the busiest principals in the last eight hours,
 * it also reads earlier days.
 */
export async function readSampledUses(
  store: StatisticsStore,
  nowMs: number,
  shards: CounterShards,
): Promise<SampledUses[]> {
  const found = new Map<string, SampledUses & { readonly hours: Map<number, number> }>();
  await Promise.all(
    daysBack(nowMs, 0, 1).map(async (day) => {
      for (const item of await readRankedItems(store, "sampled_uses", day, shards)) {
        const key = JSON.stringify([item.clientId, item.value]);
        const uses = found.get(key) ?? {
          principal: item.value,
          clientId: item.clientId,
          hours: new Map<number, number>(),
        };
        found.set(key, uses);
        addHours(uses.hours, day, item.numbers);
      }
    }),
  );
  const hourMs = lastHours(nowMs)[1] ?? 0;
  const samples = ({ hours }: SampledUses) => samplesIn(hours, hourMs, SLOW_HOURS);
  const busiest = [...found.values()]
    .filter((uses) => samples(uses) >= NOTABLE_SAMPLES)
    .sort((a, b) => samples(b) - samples(a));
  // Limits users and tokens separately, because services are far busier than users and would crowd them out.
  const notable = ["user:", "token:"].flatMap((kind) =>
    busiest.filter(({ principal }) => principal.startsWith(kind)).slice(0, MAX_NOTABLE),
  );
  const keys = new Map<string, { uses: (typeof notable)[number]; day: string }>();
  for (const uses of notable) {
    const digest = computeDigest({ oauth_client_id: uses.clientId, value: uses.principal });
    for (const day of daysBack(nowMs, 2, DAYS_BEFORE)) {
      const [month, ofMonth] = [day.slice(0, 7), day.slice(8)];
      for (const pk of allShardKeys(`sampled_uses/day/${month}`, shards(day))) {
        keys.set(`${pk}\n${ofMonth}#${digest}`, { uses, day });
      }
    }
  }
  const items = await batchGetAll(
    store.db,
    store.countersTable,
    [...keys.keys()].map((key) => {
      const [pk = "", sk = ""] = key.split("\n");
      return { pk, sk };
    }),
  );
  for (const item of items) {
    const sampled = keys.get(`${item.pk}\n${item.sk}`);
    const numbers = Object.entries(item).filter(
      (entry): entry is [string, number] =>
        /^n\d\d$/.test(entry[0]) && typeof entry[1] === "number",
    );
    if (sampled) addHours(sampled.uses.hours, sampled.day, Object.fromEntries(numbers));
  }
  return [...found.values()];
}
