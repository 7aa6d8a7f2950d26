import type { RankedKind } from "../audit-log/counter-keys.ts";
import { type CounterShards, readCounterShards } from "../audit-log/counter-shards.ts";
import type { IssuanceStore } from "../audit-log/counter-store.ts";
import { isFailure } from "../audit-log/counts-of-event.ts";
import { findIssuances } from "../audit-log/find-issuances.ts";
import type { QueryContext } from "../audit-log/query-events.ts";
import { type Bucket, readHourBuckets, readMinuteBuckets } from "../audit-log/read-counters.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../core/clock.ts";
import { NO_CLIENT, PROVIDER_ADMIN_TYPES } from "../events/oauth-event.ts";
import { findClientAgents, findKnownNetworks } from "./client-habits.ts";
import { lookAtAddresses, lookAtClients, lookAtHolders, lookAtType } from "./look-at-suspects.ts";
import {
  countsOfHours,
  lastHours,
  mapEach,
  readGuessedIpHours,
  readSampledUses,
} from "./read-rankings.ts";
import { clientCounts } from "./rule-history.ts";
import {
  type ClientHistory,
  countWithin,
  type DetectionSnapshot,
  type HourCounts,
} from "./rules/detection-snapshot.ts";
import { strangeSignIns } from "./strange-sign-ins.ts";
import {
  clientsInNewNetworks,
  suspectAddresses,
  suspectClients,
  suspectHolders,
  unusualHolders,
} from "./suspects.ts";

export interface DetectionStore extends IssuanceStore, QueryContext {}

/** Event and token counters have two dimensions. The second is the client. */
const DIMENSIONS = 2;

const clientOf = ({ dimensions }: Bucket): string => dimensions[1] ?? "";
const typeOf = ({ dimensions }: Bucket): string => dimensions[0] ?? "";

/** One kind of counter: by hour for the history, by minute for the last two hours. */
interface Buckets {
  readonly hours: readonly Bucket[];
  readonly minutes: readonly Bucket[];
}

/** The period and the counter shards of a run. */
interface Period {
  readonly nowMs: number;
  readonly historyStartMs: number;
  /** Subjects that were counted since this instant are candidates. */
  readonly sinceMs: number;
  readonly shards: CounterShards;
}

/** Awaits several named reads at once. */
async function all<T extends Record<string, unknown>>(
  reads: T,
): Promise<{ [Name in keyof T]: Awaited<T[Name]> }> {
  const entries = Object.entries(reads).map(async ([name, read]) => [name, await read]);
  return Object.fromEntries(await Promise.all(entries));
}

/** Starts reading all counters and rankings. */
function readCounts(store: DetectionStore, { nowMs, historyStartMs, shards }: Period) {
  const buckets = (kind: "events" | "tokens"): Promise<Buckets> =>
    all({
      hours: readHourBuckets(store, kind, DIMENSIONS, historyStartMs, nowMs, shards),
      minutes: readMinuteBuckets(store, kind, DIMENSIONS, lastHours(nowMs), shards),
    });
  const recent = (kind: RankedKind) => countsOfHours(store, kind, lastHours(nowMs), shards);
  return all({
    tokens: buckets("tokens"),
    events: buckets("events"),
    failedIps: recent("failed_ips"),
    failedReasons: recent("failed_reasons"),
    changedHolders: recent("changed_holders"),
    refusedHolders: recent("refused_holders"),
    serviceNetworks: recent("service_networks"),
    dormantTokens: recent("dormant_tokens"),
    guessedIpHours: readGuessedIpHours(store, nowMs, shards),
    sampledUses: readSampledUses(store, nowMs, shards),
  });
}

type Counts = Awaited<ReturnType<typeof readCounts>>;

/**
 * Returns the histories of clients that were counted in the last two hours. With `ofAll`, it returns the histories of
 * all clients counted anywhere in the history.
 */
function historiesOf(
  buckets: Buckets,
  { nowMs, first }: { readonly nowMs: number; readonly first: ReadonlyMap<string, number> },
  counts: (bucket: Bucket) => boolean,
  { ofAll = false } = {},
): ClientHistory[] {
  const gather = (all: readonly Bucket[]) => {
    const found = new Map<string, Map<number, number>>();
    for (const bucket of all) {
      if (!counts(bucket)) continue;
      const of = found.get(clientOf(bucket)) ?? new Map<number, number>();
      of.set(bucket.startMs, (of.get(bucket.startMs) ?? 0) + bucket.count);
      found.set(clientOf(bucket), of);
    }
    return found;
  };
  const hours = gather(buckets.hours);
  const everybodyMs = Math.min(nowMs, ...first.values());
  const recent = gather(buckets.minutes);
  const clients = new Set([...recent.keys(), ...(ofAll ? hours.keys() : [])]);
  return [...clients].map((clientId) => ({
    clientId,
    lastHour: countWithin(
      { clientId, value: clientId, minutes: recent.get(clientId) ?? new Map() },
      nowMs - HOUR_MS,
      nowMs,
    ),
    hours: hours.get(clientId) ?? (new Map() as HourCounts),
    firstSeenMs: clientId === NO_CLIENT ? everybodyMs : (first.get(clientId) ?? nowMs),
  }));
}

/** Returns when each client first appears in the history. */
function firstSeen(buckets: readonly Bucket[]): Map<string, number> {
  const first = new Map<string, number>();
  for (const bucket of buckets) {
    const known = first.get(clientOf(bucket)) ?? Number.POSITIVE_INFINITY;
    first.set(clientOf(bucket), Math.min(known, bucket.startMs));
  }
  return first;
}

/** Returns the part of the snapshot that consists of counts. */
function countersOf(counts: Counts, { nowMs, sinceMs, historyStartMs }: Period) {
  const { tokens, events, failedIps } = counts;
  const first = firstSeen([...events.hours, ...tokens.hours]);
  const of = { nowMs, first };
  return {
    nowMs,
    sinceMs,
    historyStartMs,
    issuance: historiesOf(tokens, of, ({ field }) => field === "i"),
    failures: historiesOf(events, of, (each) => each.field === "n" && isFailure(typeOf(each))),
    guesses: historiesOf(events, of, ({ field }) => field === "g"),
    // Includes clients that weren't used recently, so that a rule can tell when tokens go unused that used to be used.
    uses: historiesOf(events, of, (each) => each.field === "n" && typeOf(each) === "token_used", {
      ofAll: true,
    }),
    firstSeenMs: first,
    ...clientCounts(events.minutes),
    failedReasons: counts.failedReasons.counts,
    failedIps: failedIps.counts,
    guessedIps: failedIps.guesses,
    guessedIpHours: counts.guessedIpHours,
    serviceNetworks: counts.serviceNetworks.counts,
    refusedHolders: counts.refusedHolders.counts,
    dormantTokens: counts.dormantTokens.counts,
    sampledUses: counts.sampledUses,
  };
}

/** Reads the recent events of all candidates. */
async function readCandidates(
  store: DetectionStore,
  counts: Counts,
  counters: ReturnType<typeof countersOf>,
  knownNetworks: DetectionSnapshot["knownNetworks"],
) {
  const { nowMs, sinceMs, firstSeenMs, serviceNetworks, sampledUses, guessedIpHours } = counters;
  const { mostSuspects } = store.config.anomalies;
  const most = { sinceMs, nowMs, mostSuspects };
  const recentOf = (type: string) =>
    counts.events.minutes.filter((each) => typeOf(each) === type && each.startMs >= sinceMs);
  const isRecent = (type: string) => recentOf(type).length > 0;
  const signIns = isRecent("session_started")
    ? await lookAtType(store, "session_started", sinceMs, nowMs)
    : [];
  const holders = [
    ...suspectHolders(counts.changedHolders.counts, most),
    ...suspectHolders(counters.refusedHolders, most),
    // The first use after dormancy is counted only once. The token stays a candidate as long as that count is read.
    ...suspectHolders(counters.dormantTokens, { ...most, sinceMs: 0 }).map((id) => `token:${id}`),
    ...unusualHolders(sampledUses, nowMs, mostSuspects),
    ...(await strangeSignIns(store, signIns)),
  ];
  const addresses = suspectAddresses(counts.failedIps, guessedIpHours, most);
  const clients = suspectClients(
    counters,
    [
      ...clientsInNewNetworks(serviceNetworks, knownNetworks, firstSeenMs, most),
      ...recentOf("consent_granted").map(clientOf),
    ],
    store.config.anomalies,
  );
  const adminTypes = PROVIDER_ADMIN_TYPES.filter(isRecent);
  const { administration, ...events } = await all({
    holders: lookAtHolders(store, holders, nowMs),
    addresses: lookAtAddresses(store, addresses, nowMs),
    clients: lookAtClients(store, clients, nowMs),
    administration: Promise.all(adminTypes.map((type) => lookAtType(store, type, sinceMs, nowMs))),
  });
  return { ...events, administration: administration.flat() };
}

/** Returns when the tokens of denied calls were revoked, UTC. */
async function readRevocations(
  store: DetectionStore,
  holders: DetectionSnapshot["holders"],
): Promise<Map<string, string>> {
  const tokenIds = [...holders.values()]
    .flat()
    .flatMap(({ reason, tokenId }) => (reason === "revoked_token" && tokenId ? [tokenId] : []));
  const issuances = await findIssuances(store, tokenIds);
  return new Map(
    [...issuances].flatMap(([id, { revoked_at }]) => (revoked_at ? [[id, revoked_at]] : [])),
  );
}

/**
 * Reads the data that the rules evaluate, as of `nowMs`.
 *
 * Cost: the counters for `historyDays` × clients, and a few Queries for each hour and ranking. Each candidate
 * principal, address or client adds at most 450 events, and `mostSuspects` limits the candidates. Sign-ins add at most
 * fifty events, and twenty earlier events for each of ten users. The cost doesn't grow with the number of events.
 */
export async function readSnapshot(
  store: DetectionStore,
  nowMs: number,
): Promise<DetectionSnapshot> {
  const { historyDays, everyMinutes } = store.config.anomalies;
  const historyStartMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS - historyDays * DAY_MS;
  const shards = await readCounterShards(
    store,
    Math.min(historyStartMs, nowMs - DAY_MS),
    nowMs + MINUTE_MS,
  );
  const period = { nowMs, historyStartMs, sinceMs: nowMs - (everyMinutes + 5) * MINUTE_MS, shards };
  const counts = await readCounts(store, period);
  const counters = countersOf(counts, period);
  const services = counters.serviceNetworks.map(({ clientId }) => clientId);
  const knownNetworks = await mapEach(services, (id) => findKnownNetworks(store, id, nowMs));
  const { candidates, clientAgents } = await all({
    candidates: readCandidates(store, counts, counters, knownNetworks),
    clientAgents: mapEach(services, (id) => findClientAgents(store, id, nowMs)),
  });
  const revokedAt = await readRevocations(store, candidates.holders);
  return { ...counters, ...candidates, revokedAt, knownNetworks, clientAgents };
}
