import { createHash } from "node:crypto";
import { toInstant } from "../core/clock.ts";
import { shardKey } from "../core/document-client.ts";

/**
 * Counters have two resolutions, and each event is counted at both: a day item holds one number per hour, and an hour
 * item holds one number per minute. Readers take whole days from the day items and use the hour items only for the
 * first and last hours of a range.
 *
 * | resolution | partition key | sort key | attributes |
 * | --- | --- | --- | --- |
 * | day | `kind/day/2026-11#shard` | `23#dimensions` | `n00` … `n23` |
 * | hour | `kind/hour/2026-11-23#shard` | `10#dimensions` | `n00` … `n59` |
 *
 * A ranked kind can have any number of items, because callers choose the subjects (addresses, paths). The sort key of a
 * ranked item ends in a digest of the subject. Index `by_total` (`kind/day/2026-11-23#shard`) orders the items of a day
 * or hour by total count, so readers fetch only the top items.
 */
export type CounterKind = "events" | "tokens" | RankedKind;

/**
 * Kinds that rank subjects by count.
 *
 * - `failed_*`: failed calls by address, endpoint and reason.
 * - `changed_principals`: principals (`user:…`, else `token:…`) whose address or user agent changed, or who entered a
 *   device code. Detection candidates.
 * - `denied_principals`: principals whose calls were denied for a reason that legitimate use rarely triggers. Detection
 *   candidates.
 * - `service_networks`: networks where tokens without a user are used.
 * - `dormant_tokens`: tokens that are used again after a long pause.
 * - `sampled_uses`: a sample of token uses, by user or token.
 */
export type RankedKind =
  | "failed_ips"
  | "failed_endpoints"
  | "failed_reasons"
  | "changed_principals"
  | "denied_principals"
  | "service_networks"
  | "dormant_tokens"
  | "sampled_uses";

/** Kinds that only detection reads. They have no day items. */
const HOURLY: ReadonlySet<CounterKind> = new Set<RankedKind>([
  "failed_reasons",
  "changed_principals",
  "denied_principals",
  "service_networks",
  "dormant_tokens",
]);

/** Kinds that have day items only. */
const DAILY: ReadonlySet<CounterKind> = new Set<RankedKind>(["sampled_uses"]);

/**
 * Meaning of a counter attribute. For events: `n` all events, `s` events with a successful scope check, `g` credential
 * guesses. For tokens: `i` issued, `r` revoked before expiry. `s` and `g` are attributes of the same item as `n`, so
 * they cost no extra write.
 */
export type CounterField = "n" | "s" | "g" | "i" | "r";

interface CountOf<Kind extends CounterKind> {
  readonly kind: Kind;
  readonly field: CounterField;
  /** When the counted event happened, in epoch milliseconds. */
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

/** The subject of a ranked counter. Each client's subjects are counted separately. */
export interface RankedSubject {
  readonly oauth_client_id: string;
  readonly value: string;
}

export type Count = PlainCount | RankedCount;

/** The item and attribute that hold a counter. */
export interface CounterAddress {
  readonly pk: string;
  readonly sk: string;
  readonly attribute: string;
  /** Extra attributes on items of a ranked kind: the `by_total` partition key and the subject. */
  readonly ranked?: RankedSubject & { readonly ranking: string };
}

/** Returns the `by_total` partition key for a day (`2026-11-23`) or an hour (`2026-11-23T10`). */
export function rankingKey(kind: RankedKind, period: string, shard: number): string {
  return shardKey(`${kind}/${period.length === 10 ? "day" : "hour"}/${period}`, shard);
}

/** Returns the subject digest used in the sort keys of ranked items. */
export function computeDigest({ oauth_client_id, value }: RankedSubject): string {
  return createHash("sha256")
    .update(JSON.stringify([oauth_client_id, value]))
    .digest("base64url")
    .slice(0, 22);
}

/** Returns the items and attributes to increment for a count: day, hour or both, depending on the kind. */
export function counterAddresses(count: Count, shard: number): CounterAddress[] {
  const instant = toInstant(count.atMs);
  const [month, day, hour, minute] = [
    instant.slice(0, 7),
    instant.slice(8, 10),
    instant.slice(11, 13),
    instant.slice(14, 16),
  ];
  const dimensions = "subject" in count ? computeDigest(count.subject) : count.dimensions.join("#");
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
