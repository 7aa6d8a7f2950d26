import { createHash } from "node:crypto";
import { toInstant } from "../core/clock.ts";
import { shardKey } from "../core/shards.ts";

/**
 * Counters come in two resolutions, each event counted in both: an item a day with a number an hour,
 * and an item an hour with a number a minute. A whole day is then read from one small item, and only
 * the hours at the ends of a range from the finer one.
 *
 * | resolution | partition key | sort key | attributes |
 * | --- | --- | --- | --- |
 * | day | `kind/day/2026-11#shard` | `23#dimensions` | `n00` … `n23` |
 * | hour | `kind/hour/2026-11-23#shard` | `10#dimensions` | `n00` … `n59` |
 *
 * Of a ranked kind there may be any number of items, since its subjects are the callers' own words
 * (addresses, paths). The sort key ends in the subject's digest, the item names the subject, and index
 * `by_total` (`kind/day/2026-11-23#shard`) orders the items of a day or hour by their total, so that a
 * reader takes the first of them and never all.
 */
export type CounterKind = "events" | "tokens" | RankedKind;

/**
 * Failed calls by where they came from, what they asked for and why they failed. Whose calls the detection should
 * look at (`user:…`, else `token:…`): those whose address or user agent changed or who entered a device code, and those that were refused in a
 * way that their holder hardly causes. Where tokens without a user are used from, the tokens that wake after a long
 * rest, and a sample of the uses by user or token.
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

/** Kinds that only detection looks at, by the hour and minute; no day is kept of them. */
const HOURLY: ReadonlySet<CounterKind> = new Set<RankedKind>([
  "failed_reasons",
  "changed_holders",
  "refused_holders",
  "service_networks",
  "dormant_tokens",
]);

/** Kinds of which only the days are kept, with a number an hour. */
const DAILY: ReadonlySet<CounterKind> = new Set<RankedKind>(["sampled_uses"]);

/**
 * What is counted: `n` events and, of these, those that carry a `s`uccessful scope check and those that are a
 * `g`uess; tokens `i`ssued and, of these, `r`evoked before they expired. A part (`s`, `g`) is a number in the item
 * of the whole, and costs no write of its own.
 */
export type CounterField = "n" | "s" | "g" | "i" | "r";

interface CountOf<Kind extends CounterKind> {
  readonly kind: Kind;
  readonly field: CounterField;
  /** The instant the count belongs to, epoch milliseconds. */
  readonly atMs: number;
}

/** One number to raise. */
export interface PlainCount extends CountOf<Exclude<CounterKind, RankedKind>> {
  /** Distinguishes counters of a kind; the last may be any text, the others hold no `#`. */
  readonly dimensions: readonly string[];
}

/** One number to raise of a subject that is ranked among others. */
export interface RankedCount extends CountOf<RankedKind> {
  readonly subject: RankedSubject;
}

/** Whom or what a ranked counter counts, and of which client. */
export interface RankedSubject {
  readonly oauth_client_id: string;
  readonly value: string;
}

export type Count = PlainCount | RankedCount;

/** The item and attribute of one number. */
export interface CounterAddress {
  readonly pk: string;
  readonly sk: string;
  readonly attribute: string;
  /** What the item of a ranked kind says beside its numbers: its partition of `by_total`, its subject. */
  readonly ranked?: RankedSubject & { readonly ranking: string };
}

/** The partition of `by_total` that ranks a day (`2026-11-23`) or an hour (`2026-11-23T10`). */
export function rankingKey(kind: RankedKind, period: string, shard: number): string {
  return shardKey(`${kind}/${period.length === 10 ? "day" : "hour"}/${period}`, shard);
}

/** The end of the sort key of a ranked subject's items. */
export function digestOf({ oauth_client_id, value }: RankedSubject): string {
  return createHash("sha256")
    .update(JSON.stringify([oauth_client_id, value]))
    .digest("base64url")
    .slice(0, 22);
}

/** Where a count is kept: in both resolutions, or the finer alone. */
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
