import type { RankedKind } from "../audit-log/counter-keys.ts";
import { type CounterShards, readCounterShards } from "../audit-log/counter-shards.ts";
import type { IssuanceStore } from "../audit-log/counter-store.ts";
import { isFailure } from "../audit-log/event-counts.ts";
import { findIssuances } from "../audit-log/find-issuances.ts";
import type { QueryContext } from "../audit-log/query-events.ts";
import { type Bucket, readHourBuckets, readMinuteBuckets } from "../audit-log/read-counters.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../core/clock.ts";
import { NO_CLIENT, PROVIDER_ADMIN_TYPES } from "../events/oauth-event.ts";
import {
  clientsInNewNetworks,
  findCandidateAddresses,
  findCandidateClients,
  findCandidatePrincipals,
  findUnusualPrincipals,
} from "./candidates.ts";
import { findClientAgents, findKnownNetworks } from "./client-habits.ts";
import {
  examineAddresses,
  examineClients,
  examineEventType,
  examinePrincipals,
} from "./examine-candidates.ts";
import {
  countsOfHours,
  lastHours,
  mapEach,
  readCredentialGuessHoursByIp,
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

export interface DetectionStore extends IssuanceStore, QueryContext {}

/** Event and token counters have two dimensions: a type, and the client. */
const DIMENSIONS = 2;

const getClient = ({ dimensions }: Bucket): string => dimensions[1] ?? "";
const getType = ({ dimensions }: Bucket): string => dimensions[0] ?? "";

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
    changedPrincipals: recent("changed_principals"),
    deniedPrincipals: recent("denied_principals"),
    serviceNetworks: recent("service_networks"),
    dormantTokens: recent("dormant_tokens"),
    credentialGuessHoursByIp: readCredentialGuessHoursByIp(store, nowMs, shards),
    sampledUses: readSampledUses(store, nowMs, shards),
  });
}

type Counts = Awaited<ReturnType<typeof readCounts>>;

/**
 * Returns the histories of clients that were counted in the last two hours. With `includeAll`, it returns the histories
 * of all clients counted anywhere in the history.
 */
function buildHistories(
  buckets: Buckets,
  { nowMs, first }: { readonly nowMs: number; readonly first: ReadonlyMap<string, number> },
  counts: (bucket: Bucket) => boolean,
  { includeAll = false } = {},
): ClientHistory[] {
  const gather = (all: readonly Bucket[]) => {
    const found = new Map<string, Map<number, number>>();
    for (const bucket of all) {
      if (!counts(bucket)) continue;
      const history = found.get(getClient(bucket)) ?? new Map<number, number>();
      history.set(bucket.startMs, (history.get(bucket.startMs) ?? 0) + bucket.count);
      found.set(getClient(bucket), history);
    }
    return found;
  };
  const hours = gather(buckets.hours);
  const everybodyMs = Math.min(nowMs, ...first.values());
  const recent = gather(buckets.minutes);
  const clients = new Set([...recent.keys(), ...(includeAll ? hours.keys() : [])]);
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
    const known = first.get(getClient(bucket)) ?? Number.POSITIVE_INFINITY;
    first.set(getClient(bucket), Math.min(known, bucket.startMs));
  }
  return first;
}

/** Returns the snapshot's counts. */
function summariseCounts(counts: Counts, { nowMs, sinceMs, historyStartMs }: Period) {
  const { tokens, events, failedIps } = counts;
  const first = firstSeen([...events.hours, ...tokens.hours]);
  const period = { nowMs, first };
  return {
    nowMs,
    sinceMs,
    historyStartMs,
    issuance: buildHistories(tokens, period, ({ field }) => field === "i"),
    failures: buildHistories(
      events,
      period,
      (each) => each.field === "n" && isFailure(getType(each)),
    ),
    credentialGuesses: buildHistories(events, period, ({ field }) => field === "g"),
    // Includes clients that weren't used recently, so that a rule can detect that tokens are no longer used.
    uses: buildHistories(
      events,
      period,
      (each) => each.field === "n" && getType(each) === "token_used",
      {
        includeAll: true,
      },
    ),
    firstSeenMs: first,
    ...clientCounts(events.minutes),
    failedReasons: counts.failedReasons.counts,
    failedIps: failedIps.counts,
    credentialGuessesByIp: failedIps.credentialGuesses,
    credentialGuessHoursByIp: counts.credentialGuessHoursByIp,
    serviceNetworks: counts.serviceNetworks.counts,
    deniedPrincipals: counts.deniedPrincipals.counts,
    dormantTokens: counts.dormantTokens.counts,
    sampledUses: counts.sampledUses,
  };
}

/** Reads the recent events of all candidates. */
async function readCandidates(
  store: DetectionStore,
  counts: Counts,
  counters: ReturnType<typeof summariseCounts>,
  knownNetworks: DetectionSnapshot["knownNetworks"],
) {
  const { nowMs, sinceMs, firstSeenMs, serviceNetworks, sampledUses, credentialGuessHoursByIp } =
    counters;
  const { maxCandidates } = store.config.anomalies;
  const limits = { sinceMs, nowMs, maxCandidates };
  const getRecent = (type: string) =>
    counts.events.minutes.filter((each) => getType(each) === type && each.startMs >= sinceMs);
  const isRecent = (type: string) => getRecent(type).length > 0;
  const signIns = isRecent("session_started")
    ? await examineEventType(store, "session_started", sinceMs, nowMs)
    : [];
  const principals = [
    ...findCandidatePrincipals(counts.changedPrincipals.counts, limits),
    ...findCandidatePrincipals(counters.deniedPrincipals, limits),
    // The first use after dormancy is counted only once. The token stays a candidate as long as that count is read.
    ...findCandidatePrincipals(counters.dormantTokens, { ...limits, sinceMs: 0 }).map(
      (id) => `token:${id}`,
    ),
    ...findUnusualPrincipals(sampledUses, nowMs, maxCandidates),
    ...(await strangeSignIns(store, signIns)),
  ];
  const addresses = findCandidateAddresses(counts.failedIps, credentialGuessHoursByIp, limits);
  const clients = findCandidateClients(
    counters,
    [
      ...clientsInNewNetworks(serviceNetworks, knownNetworks, firstSeenMs, limits),
      ...getRecent("consent_granted").map(getClient),
    ],
    store.config.anomalies,
  );
  const adminTypes = PROVIDER_ADMIN_TYPES.filter(isRecent);
  const { administration, ...events } = await all({
    principals: examinePrincipals(store, principals, nowMs),
    addresses: examineAddresses(store, addresses, nowMs),
    clients: examineClients(store, clients, nowMs),
    administration: Promise.all(
      adminTypes.map((type) => examineEventType(store, type, sinceMs, nowMs)),
    ),
  });
  return { ...events, administration: administration.flat() };
}

/** Returns when the tokens of denied calls were revoked, UTC. */
async function readRevocations(
  store: DetectionStore,
  principals: DetectionSnapshot["principals"],
): Promise<Map<string, string>> {
  const tokenIds = [...principals.values()]
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
 * principal, address or client adds at most 450 events, and `maxCandidates` limits the candidates. Sign-ins add at most
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
  const counters = summariseCounts(counts, period);
  const services = counters.serviceNetworks.map(({ clientId }) => clientId);
  const knownNetworks = await mapEach(services, (id) => findKnownNetworks(store, id, nowMs));
  const { candidates, clientAgents } = await all({
    candidates: readCandidates(store, counts, counters, knownNetworks),
    clientAgents: mapEach(services, (id) => findClientAgents(store, id, nowMs)),
  });
  const revokedAt = await readRevocations(store, candidates.principals);
  return { ...counters, ...candidates, revokedAt, knownNetworks, clientAgents };
}
