import { type CounterShards, readCounterShards } from "../audit-log/counter-shards.ts";
import type { IssuanceStore } from "../audit-log/counter-store.ts";
import { isFailure } from "../audit-log/counts-of-event.ts";
import { findIssuances } from "../audit-log/find-issuances.ts";
import type { QueryContext } from "../audit-log/query-events.ts";
import { type Bucket, readHourBuckets, readMinuteBuckets } from "../audit-log/read-counters.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../core/clock.ts";
import { NO_CLIENT, PROVIDER_ADMIN_TYPES } from "../events/oauth-event.ts";
import { findClientAgents } from "./client-agents.ts";
import { findKnownNetworks } from "./known-networks.ts";
import { lookAtAddresses, lookAtClients, lookAtHolders, lookAtType } from "./look-at-suspects.ts";
import {
  lastHours,
  mapEach,
  readGuessedIpHours,
  readRecent,
  readSampledUses,
} from "./read-rankings.ts";
import { clientCounts } from "./rule-history.ts";
import {
  type ClientHistory,
  countWithin,
  type DetectionSnapshot,
  type HourCounts,
  type SubjectCount,
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

interface Buckets {
  readonly hours: readonly Bucket[];
  readonly minutes: readonly Bucket[];
}

/** Reads one kind of counter: by hour for the history, by minute for the last two hours. */
async function readBuckets(
  store: DetectionStore,
  kind: "events" | "tokens",
  historyStartMs: number,
  nowMs: number,
  shards: CounterShards,
): Promise<Buckets> {
  const [hours, minutes] = await Promise.all([
    readHourBuckets(store, kind, DIMENSIONS, historyStartMs, nowMs, shards),
    readMinuteBuckets(store, kind, DIMENSIONS, lastHours(nowMs), shards),
  ]);
  return { hours, minutes };
}

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

const clientsOf = (counts: readonly SubjectCount[]) => counts.map(({ clientId }) => clientId);

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
  const recent = (kind: Parameters<typeof readRecent>[1]) => readRecent(store, kind, nowMs, shards);
  const [tokens, events, failed, reasons, changed, refused, networks, dormant, ipHours, sampled] =
    await Promise.all([
      readBuckets(store, "tokens", historyStartMs, nowMs, shards),
      readBuckets(store, "events", historyStartMs, nowMs, shards),
      recent("failed_ips"),
      recent("failed_reasons"),
      recent("changed_holders"),
      recent("refused_holders"),
      recent("service_networks"),
      recent("dormant_tokens"),
      readGuessedIpHours(store, nowMs, shards),
      readSampledUses(store, nowMs, shards),
    ]);
  const sinceMs = nowMs - (everyMinutes + 5) * MINUTE_MS;
  const first = firstSeen([...events.hours, ...tokens.hours]);
  const of = { nowMs, first };
  const counters = {
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
    failedReasons: reasons.counts,
    failedIps: failed.counts,
    guessedIps: failed.guesses,
    guessedIpHours: ipHours,
    serviceNetworks: networks.counts,
    refusedHolders: refused.counts,
    dormantTokens: dormant.counts,
    sampledUses: sampled,
  };
  const { mostSuspects } = store.config.anomalies;
  const most = { sinceMs, nowMs, mostSuspects };
  const adminTypes = PROVIDER_ADMIN_TYPES.filter((type) =>
    events.minutes.some((each) => typeOf(each) === type && each.startMs >= sinceMs),
  );
  const isSigningIn = events.minutes.some(
    (each) => typeOf(each) === "session_started" && each.startMs >= sinceMs,
  );
  const signIns = isSigningIn ? await lookAtType(store, "session_started", sinceMs, nowMs) : [];
  const consenting = events.minutes.filter(
    (each) => typeOf(each) === "consent_granted" && each.startMs >= sinceMs,
  );
  const serviceClients = clientsOf(networks.counts);
  const knownNetworks = await mapEach(serviceClients, (clientId) =>
    findKnownNetworks(store, clientId, nowMs),
  );
  const ofNews = [
    ...clientsInNewNetworks(networks.counts, knownNetworks, first, most),
    ...consenting.map(clientOf),
  ];
  const [holders, addresses, clients, administration, clientAgents] = await Promise.all([
    lookAtHolders(
      store,
      [
        ...suspectHolders(changed.counts, most),
        ...suspectHolders(refused.counts, most),
        // The first use after dormancy is counted only once. The token stays a candidate as long as that count is read.
        ...suspectHolders(dormant.counts, { ...most, sinceMs: 0 }).map((id) => `token:${id}`),
        ...unusualHolders(sampled, nowMs, mostSuspects),
        ...(await strangeSignIns(store, signIns)),
      ],
      nowMs,
    ),
    lookAtAddresses(store, suspectAddresses(failed, ipHours, most), nowMs),
    lookAtClients(store, suspectClients(counters, ofNews, store.config.anomalies), nowMs),
    Promise.all(adminTypes.map((type) => lookAtType(store, type, sinceMs, nowMs))),
    mapEach(serviceClients, (clientId) => findClientAgents(store, clientId, nowMs)),
  ]);
  const revoked = [...holders.values()]
    .flat()
    .flatMap(({ reason, tokenId }) => (reason === "revoked_token" && tokenId ? [tokenId] : []));
  const issuances = await findIssuances(store, revoked);
  return {
    ...counters,
    holders,
    addresses,
    clients,
    administration: administration.flat(),
    revokedAt: new Map(
      [...issuances].flatMap(([id, { revoked_at }]) => (revoked_at ? [[id, revoked_at]] : [])),
    ),
    knownNetworks,
    clientAgents,
  };
}
