import { createHash } from "node:crypto";
import { toInstant } from "../core/clock.ts";
import { shardKey } from "../core/shards.ts";

/**
 * Counters have two resolutions, and each event is counted in both: an item per day with a number per hour, and an
 * item per hour with a number per minute. Readers take whole days from the day items, and only the first and last
 * hours of a range from the hour items.
 *
 * | resolution | partition key | sort key | attributes |
 * | --- | --- | --- | --- |
 * | day | `kind/day/2026-11#shard` | `23#dimensions` | `n00` … `n23` |
 * | hour | `kind/hour/2026-11-23#shard` | `10#dimensions` | `n00` … `n59` |
 *
 * A ranked kind can have any number of items, since callers choose the subjects (addresses, paths). Its sort key ends
 * in the subject's digest. Index `by_total` (`kind/day/2026-11-23#shard`) orders the items of a day or hour by their
 * total, so readers fetch only the top ones.
 */
export type CounterKind = "events" | "tokens" | RankedKind;

/**
 * Kinds that rank subjects by count.
 *
 * - `failed_*`: failed calls by address, endpoint and reason.
 * - `changed_holders`: principals (`user:…`, else `token:…`) whose address or user agent changed, or who entered a
 *   device code. Detection candidates.
 * - `refused_holders`: principals whose calls were denied in a way that they rarely cause themselves. Detection
 *   candidates.
 * - `service_networks`: networks from which tokens without a user are used.
 * - `dormant_tokens`: tokens that are used again after a long pause.
 * - `sampled_uses`: a sample of the uses by user or token.
 */
export type RankedKind =
  | "failed_ips"
  | "failed_endpoints"
  | "failed_reasons"
  | "changed_holders"
  | "refused_holders"
  | "service_networks"
  | "dormant_tokens"
  | "sampled_uses";

/** Kinds that only detection reads. They have no day items. */
const HOURLY: ReadonlySet<CounterKind> = new Set<RankedKind>([
  "failed_reasons",
  "changed_holders",
  "refused_holders",
  "service_networks",
  "dormant_tokens",
]);

/** Kinds that have day items only. */
const DAILY: ReadonlySet<CounterKind> = new Set<RankedKind>(["sampled_uses"]);

/**
 * Counted events: `n` all, `s` those with a successful scope check, `g` credential guesses. Counted tokens: `i`
 * issued, `r` revoked before they expired. `s` and `g` are attributes of the same item as `n`, so they cost no extra
 * write.
 */
export type CounterField = "n" | "s" | "g" | "i" | "r";

interface CountOf<Kind extends CounterKind> {
  readonly kind: Kind;
  readonly field: CounterField;
  /** Time of the count, in epoch milliseconds. */
  readonly atMs: number;
}

/** An increment of a counter without a ranking. */
export interface PlainCount extends CountOf<Exclude<CounterKind, RankedKind>> {
  /** Parts of the sort key. Only the last may contain `#`. */
  readonly dimensions: readonly string[];
}

/** An increment of a ranked subject's counter. */
export interface RankedCount extends CountOf<RankedKind> {
  readonly subject: RankedSubject;
}

/** The subject of a ranked counter, by client. */
export interface RankedSubject {
  readonly oauth_client_id: string;
  readonly value: string;
}

export type Count = PlainCount | RankedCount;

/** The item and attribute of a counter. */
export interface CounterAddress {
  readonly pk: string;
  readonly sk: string;
  readonly attribute: string;
  /** Further attributes of a ranked kind's item: its partition of `by_total` and its subject. */
  readonly ranked?: RankedSubject & { readonly ranking: string };
}

/** Returns the partition of `by_total` for a day (`2026-11-23`) or an hour (`2026-11-23T10`). */
export function rankingKey(kind: RankedKind, period: string, shard: number): string {
  return shardKey(`${kind}/${period.length === 10 ? "day" : "hour"}/${period}`, shard);
}

/** Returns the digest in the sort key of a ranked subject's items. */
export function digestOf({ oauth_client_id, value }: RankedSubject): string {
  return createHash("sha256")
    .update(JSON.stringify([oauth_client_id, value]))
    .digest("base64url")
    .slice(0, 22);
}

/** Returns the items and attributes of a count: day, hour or both, depending on the kind. */
export function counterAddresses(count: Count, shard: number): CounterAddress[] {
  const instant = toInstant(count.atMs);
  const [month, day, hour, minute] = [
    instant.slice(0, 7),
    instant.slice(8, 10),
    instant.slice(11, 13),
    instant.slice(14, 16),
  ];
  const dimensions = "subject" in count ? digestOf(count.subject) : count.dimensions.join("#");
  const ranked = (period: string) =>
    "subject" in count && {
      ranked: { ...count.subject, ranking: rankingKey(count.kind, period, shard) },
    };
  const ofDay: CounterAddress = {
    pk: shardKey(`${count.kind}/day/${month}`, shard),
    sk: `${day}#${dimensions}`,
    attribute: `${count.field}${hour}`,
    ...ranked(`${month}-${day}`),
  };
  const ofHour: CounterAddress = {
    pk: shardKey(`${count.kind}/hour/${month}-${day}`, shard),
    sk: `${hour}#${dimensions}`,
    attribute: `${count.field}${minute}`,
    ...ranked(`${month}-${day}T${hour}`),
  };
  if (DAILY.has(count.kind)) return [ofDay];
  return HOURLY.has(count.kind) ? [ofHour] : [ofDay, ofHour];
}
