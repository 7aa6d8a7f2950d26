import { toInstant } from "../clock/clock.ts";
import { shardKey } from "../dynamodb/shards.ts";

/**
 * Counters come in two resolutions, each event counted in both: an item a day with a number an hour,
 * and an item an hour with a number a minute. A whole day is then read from one small item, and only
 * the hours at the ends of a range from the finer one.
 *
 * | resolution | partition key | sort key | attributes |
 * | --- | --- | --- | --- |
 * | day | `kind/day/2026-11#shard` | `23#dimensions` | `n00` … `n23` |
 * | hour | `kind/hour/2026-11-23#shard` | `10#dimensions` | `n00` … `n59` |
 */
export type CounterKind = "events" | "tokens";

/** What is counted: `n` events; tokens `i`ssued and, of these, `r`evoked before they expired. */
export type CounterField = "n" | "i" | "r";

/** One number to raise. */
export interface Count {
  readonly kind: CounterKind;
  /** Distinguishes counters of a kind; the last may be any text, the others hold no `#`. */
  readonly dimensions: readonly string[];
  readonly field: CounterField;
  /** The instant the count belongs to, epoch milliseconds. */
  readonly atMs: number;
}

/** The item and attribute of one number. */
export interface CounterAddress {
  readonly pk: string;
  readonly sk: string;
  readonly attribute: string;
}

/** Where a count is kept, in both resolutions. */
export function counterAddresses(count: Count, shard: number): [CounterAddress, CounterAddress] {
  const instant = toInstant(count.atMs);
  const [month, day, hour, minute] = [
    instant.slice(0, 7),
    instant.slice(8, 10),
    instant.slice(11, 13),
    instant.slice(14, 16),
  ];
  const dimensions = count.dimensions.join("#");
  return [
    {
      pk: shardKey(`${count.kind}/day/${month}`, shard),
      sk: `${day}#${dimensions}`,
      attribute: `${count.field}${hour}`,
    },
    {
      pk: shardKey(`${count.kind}/hour/${month}-${day}`, shard),
      sk: `${hour}#${dimensions}`,
      attribute: `${count.field}${minute}`,
    },
  ];
}
