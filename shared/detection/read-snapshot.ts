import { QueryCommand } from "@aws-sdk/lib-dynamodb";
import {
  type ClientHistory,
  countWithin,
  type DetectionSnapshot,
  type SubjectCount,
  splitValue,
} from "../anomaly-rules/detection-snapshot.ts";
import type { CounterKind, RankedKind } from "../counters/counter-keys.ts";
import { type CounterShards, readCounterShards } from "../counters/counter-shards.ts";
import type { IssuanceStore } from "../counters/counter-store.ts";
import { isFailure } from "../counters/counts-of-event.ts";
import { findIssuances } from "../counters/find-issuances.ts";
import { type Bucket, readHourBuckets, readMinuteBuckets } from "../counters/read-counters.ts";
import { readRankedItems } from "../counters/read-ranked-items.ts";
import { tokenPartitions } from "../event-store/event-index.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, toInstant } from "../time/clock.ts";
import { findKnownNetworks } from "./known-networks.ts";

export interface DetectionStore extends IssuanceStore {
  readonly eventsTable: string;
}

/** Both kinds of counters have two dimensions, of which the second is the client. */
const DIMENSIONS = 2;

/** The hour under way and the one before, which the last sixty minutes lie in. */
function lastHours(nowMs: number): number[] {
  const hour = Math.floor((nowMs - 1) / HOUR_MS) * HOUR_MS;
  return [hour - HOUR_MS, hour];
}

const clientOf = ({ dimensions }: Bucket): string => dimensions[1] ?? "";

/** The counters of one kind by client: by the hour for the history, by the minute for the last hours. */
async function readClients(
  store: DetectionStore,
  kind: CounterKind,
  historyStartMs: number,
  nowMs: number,
  shards: CounterShards,
  counts: (bucket: Bucket) => boolean,
): Promise<{ histories: ClientHistory[]; recent: SubjectCount[] }> {
  const [hourBuckets, minuteBuckets] = await Promise.all([
    readHourBuckets(store, kind, DIMENSIONS, historyStartMs, nowMs, shards),
    readMinuteBuckets(store, kind, DIMENSIONS, lastHours(nowMs), shards),
  ]);
  const hours = new Map<string, Map<number, number>>();
  const minutes = new Map<string, Map<number, number>>();
  const add = (to: Map<string, Map<number, number>>, bucket: Bucket) => {
    const of = to.get(clientOf(bucket)) ?? new Map<number, number>();
    of.set(bucket.startMs, (of.get(bucket.startMs) ?? 0) + bucket.count);
    to.set(clientOf(bucket), of);
  };
  for (const bucket of hourBuckets) if (counts(bucket)) add(hours, bucket);
  for (const bucket of minuteBuckets) if (counts(bucket)) add(minutes, bucket);
  const recent = [...minutes].map(([clientId, of]) => ({ clientId, value: clientId, minutes: of }));
  const histories = recent.map((of) => ({
    clientId: of.clientId,
    lastHour: countWithin(of, nowMs - HOUR_MS, nowMs),
    hours: hours.get(of.clientId) ?? new Map(),
  }));
  return { histories, recent };
}

/** The subjects of a kind counted most in the last two hours, with their counts by the minute. */
async function readSubjects(
  store: DetectionStore,
  kind: RankedKind,
  nowMs: number,
  shards: CounterShards,
): Promise<SubjectCount[]> {
  const subjects = new Map<string, SubjectCount & { minutes: Map<number, number> }>();
  const hours = await Promise.all(
    lastHours(nowMs).map(async (hourMs) => ({
      hourMs,
      items: await readRankedItems(store, kind, toInstant(hourMs).slice(0, 13), shards),
    })),
  );
  for (const { hourMs, items } of hours) {
    for (const { clientId, value, numbers } of items) {
      const key = JSON.stringify([clientId, value]);
      const subject = subjects.get(key) ?? { clientId, value, minutes: new Map() };
      subjects.set(key, subject);
      for (const [attribute, count] of Object.entries(numbers)) {
        const startMs = hourMs + Number(attribute.slice(1)) * MINUTE_MS;
        subject.minutes.set(startMs, (subject.minutes.get(startMs) ?? 0) + count);
      }
    }
  }
  return [...subjects.values()];
}

/** The addresses that failed most, by the hour, yesterday and today. */
async function readFailedIpHours(store: DetectionStore, nowMs: number, shards: CounterShards) {
  const hours = new Map<string, Map<number, number>>();
  const days = [nowMs - DAY_MS, nowMs].map((atMs) => toInstant(atMs).slice(0, 10));
  for (const day of days) {
    for (const { value, numbers } of await readRankedItems(store, "failed_ips", day, shards)) {
      const of = hours.get(value) ?? new Map<number, number>();
      hours.set(value, of);
      for (const [attribute, count] of Object.entries(numbers)) {
        const hour = Date.parse(`${day}T00:00:00.000Z`) + Number(attribute.slice(1)) * HOUR_MS;
        of.set(hour, (of.get(hour) ?? 0) + count);
      }
    }
  }
  return hours;
}

/** Uses looked at of one token. */
const MOST_USES = 250;

/** How often a token was used in the last hour, among at most 250 events of a partition. */
async function countUses(store: DetectionStore, tokenId: string, nowMs: number): Promise<number> {
  const counts = await Promise.all(
    (await tokenPartitions(store, tokenId)).map((partition) =>
      store.db.send(
        new QueryCommand({
          TableName: store.eventsTable,
          KeyConditionExpression:
            "subject_shard = :partition AND occurred_at_id BETWEEN :from AND :to",
          FilterExpression: "event_type = :used AND event_data.token_id = :token",
          ExpressionAttributeValues: {
            ":partition": partition,
            ":token": tokenId,
            ":from": toInstant(nowMs - HOUR_MS),
            ":to": toInstant(nowMs),
            ":used": "token_used",
          },
          Select: "COUNT",
          Limit: MOST_USES,
        }),
      ),
    ),
  );
  return counts.reduce((sum, { Count = 0 }) => sum + Count, 0);
}

async function mapEach<V>(
  keys: Iterable<string>,
  read: (key: string) => Promise<V>,
): Promise<Map<string, V>> {
  return new Map(
    await Promise.all([...new Set(keys)].map(async (key) => [key, await read(key)] as const)),
  );
}

/**
 * Reads what the rules look at, as of `nowMs`.
 *
 * Cost: counters of `historyDays` × clients, a few Queries an hour and ranking, and one or a few for
 * each token or client that a ranking names; nothing grows with the number of events.
 */
export async function readSnapshot(
  store: DetectionStore,
  nowMs: number,
): Promise<DetectionSnapshot> {
  const { historyDays } = store.config.anomalies;
  const historyStartMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS - historyDays * DAY_MS;
  const shards = await readCounterShards(
    store,
    Math.min(historyStartMs, nowMs - DAY_MS),
    nowMs + MINUTE_MS,
  );
  const subjects = (kind: RankedKind) => readSubjects(store, kind, nowMs, shards);
  const [
    issued,
    failed,
    failedIps,
    failedTokens,
    failedReasons,
    networks,
    serviceNetworks,
    dormant,
    ipHours,
  ] = await Promise.all([
    readClients(store, "tokens", historyStartMs, nowMs, shards, ({ field }) => field === "i"),
    readClients(store, "events", historyStartMs, nowMs, shards, ({ dimensions }) =>
      isFailure(dimensions[0] ?? ""),
    ),
    subjects("failed_ips"),
    subjects("failed_tokens"),
    subjects("failed_reasons"),
    subjects("networks"),
    subjects("service_networks"),
    subjects("dormant_tokens"),
    readFailedIpHours(store, nowMs, shards),
  ]);
  const revoked = failedTokens.flatMap(({ value }) => {
    const [reason, tokenId] = splitValue(value);
    return reason === "revoked_token" ? [tokenId] : [];
  });
  const [issuances, usesOfDormant, knownNetworks] = await Promise.all([
    findIssuances(store, revoked),
    mapEach(
      dormant.map(({ value }) => value),
      (tokenId) => countUses(store, tokenId, nowMs),
    ),
    mapEach(
      serviceNetworks.map(({ clientId }) => clientId),
      (clientId) => findKnownNetworks(store, clientId, nowMs),
    ),
  ]);
  return {
    nowMs,
    historyStartMs,
    issuance: issued.histories,
    failures: failed.histories,
    failuresByClient: failed.recent,
    failedIps,
    failedTokens,
    failedReasons,
    networks,
    serviceNetworks,
    dormantTokens: dormant,
    failedIpHours: ipHours,
    revokedAt: new Map(
      [...issuances].flatMap(([id, { revoked_at }]) => (revoked_at ? [[id, revoked_at]] : [])),
    ),
    usesOfDormant,
    knownNetworks,
  };
}
