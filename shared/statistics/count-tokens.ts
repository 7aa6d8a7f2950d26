import { type CounterShards, readCounterShards } from "../audit-log/counter-shards.ts";
import type { IssuanceStore } from "../audit-log/counter-store.ts";
import { issuanceSchema } from "../audit-log/issuance.ts";
import { type Bucket, readHourBuckets, readMinuteBuckets } from "../audit-log/read-counters.ts";
import { HOUR_MS, MINUTE_MS, toInstant } from "../core/clock.ts";
import { allShardKeys, queryEach } from "../core/document-client.ts";
import { steps } from "../core/time-range.ts";
import { NO_CLIENT } from "../events/oauth-event.ts";

/** One client's tokens: issued = active + expired + revoked. */
export interface TokenCounts {
  issued: number;
  active: number;
  expired: number;
  /** Tokens that were revoked before they expired. */
  revoked: number;
}

/** The tokens to count: issued in [fromMs, toMs), with their status at `nowMs`. Times are epoch milliseconds. */
export interface TokenRange {
  readonly fromMs: number;
  readonly toMs: number;
  readonly nowMs: number;
}

/** Token counters have two dimensions: lifetime and client. */
const DIMENSIONS = 2;

/**
 * Returns the issue times [firstMs, endMs) for which a token with this lifetime, in whole minutes, may be either active
 * or expired.
 */
function undecided(lifetime: string, nowMs: number): { firstMs: number; endMs: number } {
  const minimumMs = Number(lifetime) * MINUTE_MS;
  return { firstMs: nowMs - minimumMs - MINUTE_MS + 1, endMs: nowMs - minimumMs + 1 };
}

/** The hours in which tokens were issued, by token lifetime. */
type IssueHours = ReadonlyMap<string, ReadonlySet<number>>;

function issueHours(buckets: readonly Bucket[]): IssueHours {
  const hours = new Map<string, Set<number>>();
  for (const { dimensions, startMs } of buckets) {
    const lifetime = dimensions[0] ?? "";
    hours.set(lifetime, (hours.get(lifetime) ?? new Set()).add(startMs));
  }
  return hours;
}

const floorTo = (atMs: number, stepMs: number) => Math.floor(atMs / stepMs) * stepMs;

/**
 * Returns the minutes that counters can't decide: partial minutes at the start and end of the range, and minutes whose
 * tokens may be either active or expired.
 */
function ledgerMinutes(range: TokenRange, issued: IssueHours): Set<number> {
  const { fromMs, toMs, nowMs } = range;
  const minutes = new Set<number>();
  for (const end of [fromMs, toMs]) {
    if (end % MINUTE_MS !== 0) minutes.add(floorTo(end, MINUTE_MS));
  }
  for (const [lifetime, hours] of issued) {
    const { firstMs, endMs } = undecided(lifetime, nowMs);
    for (const minute of steps(Math.max(firstMs, fromMs), Math.min(endMs, toMs), MINUTE_MS)) {
      if (hours.has(floorTo(minute, HOUR_MS))) minutes.add(minute);
    }
  }
  return minutes;
}

/**
 * Returns the hours that must be read by minute: hours that contain the start or end of the range, or an undecided
 * minute.
 */
function splitHours({ fromMs, toMs }: TokenRange, minutes: ReadonlySet<number>): Set<number> {
  const ends = [fromMs, toMs].filter((end) => end % HOUR_MS !== 0);
  return new Set([...ends, ...minutes].map((atMs) => floorTo(atMs, HOUR_MS)));
}

/** Reads the issuance records for the given minutes. Cost: one Query per run of adjacent minutes, hour and shard. */
async function readLedger(
  store: IssuanceStore,
  { fromMs, toMs }: TokenRange,
  minutes: ReadonlySet<number>,
) {
  const runs: { startMs: number; endMs: number }[] = [];
  for (const minute of [...minutes].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run && run.endMs === minute && minute % HOUR_MS !== 0) run.endMs += MINUTE_MS;
    else runs.push({ startMs: minute, endMs: minute + MINUTE_MS });
  }
  const items = await queryEach(
    store.db,
    runs.flatMap(({ startMs, endMs }) =>
      allShardKeys(toInstant(startMs).slice(0, 13), store.config.shards.issuances.read).map(
        (hourShard) => ({
          TableName: store.issuancesTable,
          IndexName: "by_issue_time",
          KeyConditionExpression: "hour_shard = :hour AND issued_at BETWEEN :first AND :last",
          ExpressionAttributeValues: {
            ":hour": hourShard,
            ":first": toInstant(Math.max(startMs, fromMs)),
            ":last": toInstant(Math.min(endMs, toMs) - 1),
          },
        }),
      ),
    ),
  );
  return items.map((item) => issuanceSchema.parse(item));
}

/**
 * Counts the tokens issued in a range, by client. The result is exact: whole hours come from day items, partial hours
 * from hour items, and undecided minutes from individual issuance records. The cost grows with days × clients and with
 * the tokens issued in about four minutes, but not with the number of tokens in the range.
 *
 * @param shards counter shards for the range, if the caller has already read them
 */
export async function countTokens(
  store: IssuanceStore,
  range: TokenRange,
  shards?: CounterShards,
): Promise<Map<string, TokenCounts>> {
  const { fromMs, toMs, nowMs } = range;
  const counts = new Map<string, TokenCounts>();
  if (fromMs >= toMs) return counts;
  const countsOfClient = (client: string): TokenCounts => {
    const found = counts.get(client) ?? { issued: 0, active: 0, expired: 0, revoked: 0 };
    counts.set(client, found);
    return found;
  };

  const shardCounts = shards ?? (await readCounterShards(store, fromMs, toMs));
  const hourBuckets = await readHourBuckets(store, "tokens", DIMENSIONS, fromMs, toMs, shardCounts);
  const minutes = ledgerMinutes(range, issueHours(hourBuckets));
  const hours = splitHours(range, minutes);
  const [minuteBuckets, ledger] = await Promise.all([
    readMinuteBuckets(store, "tokens", DIMENSIONS, [...hours], shardCounts),
    readLedger(store, range, minutes),
  ]);

  const decided = [
    ...hourBuckets.filter(({ startMs }) => !hours.has(startMs)),
    ...minuteBuckets.filter(
      ({ startMs }) => startMs >= fromMs && startMs < toMs && !minutes.has(startMs),
    ),
  ];
  for (const bucket of decided)
    addBucket(countsOfClient(bucket.dimensions[1] ?? NO_CLIENT), bucket, nowMs);

  for (const { issued_at, expires_at, revoked_at, oauth_client_id } of ledger) {
    if (!issued_at || !expires_at) continue;
    const client = countsOfClient(oauth_client_id ?? NO_CLIENT);
    client.issued += 1;
    if (revoked_at !== undefined && revoked_at < expires_at) client.revoked += 1;
    else if (Date.parse(expires_at) <= nowMs) client.expired += 1;
    else client.active += 1;
  }
  return counts;
}

function addBucket(client: TokenCounts, bucket: Bucket, nowMs: number): void {
  const { firstMs } = undecided(bucket.dimensions[0] ?? "", nowMs);
  const status = bucket.startMs < firstMs ? "expired" : "active";
  if (bucket.field === "i") {
    client.issued += bucket.count;
    client[status] += bucket.count;
  } else {
    client.revoked += bucket.count;
    client[status] -= bucket.count;
  }
}
