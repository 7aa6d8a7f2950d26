import { createHash } from "node:crypto";
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";
import { v7 as uuidv7 } from "uuid";

/**
 * A stream of random values, determined by a seed and a purpose. Each traffic source has its own stream, so that
 * sources do not affect each other.
 */
export class Random {
  readonly #generator: RandomGenerator;

  constructor(seed: number, ...purpose: readonly (string | number)[]) {
    const digest = createHash("sha256").update([seed, ...purpose].join("/"));
    this.#generator = xoroshiro128plus(digest.digest().readInt32BE());
  }

  /** Returns a number in [0, 1). */
  fraction(): number {
    return uniformFloat64(this.#generator);
  }

  /** Returns an integer in [least, most]. */
  integer(min: number, max: number): number {
    return uniformInt(this.#generator, min, max);
  }

  /** Returns a number in [least, most). */
  between(min: number, max: number): number {
    return min + this.fraction() * (max - min);
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.integer(0, values.length - 1)] as T;
  }

  /** Returns one of the values. The n-th is chosen 1/n times as often as the first. */
  pickZipf<T>(values: readonly T[]): T {
    let remaining = this.fraction() * harmonicNumber(values.length);
    const index = values.findIndex((_, n) => {
      remaining -= 1 / (n + 1);
      return remaining < 0;
    });
    // Because of rounding, the index may be -1, which selects the last value.
    return values.at(index) as T;
  }

  shuffled<T>(values: readonly T[]): T[] {
    const pool = [...values];
    return values.map(() => pool.splice(this.integer(0, pool.length - 1), 1)[0] as T);
  }

  /** Returns an exponentially distributed wait with the given mean, as between independent events. */
  wait(mean: number): number {
    return -Math.log(1 - this.fraction()) * mean;
  }

  /** Returns a UUIDv7 for the time. */
  uuid(atMs: number): string {
    const random = Uint8Array.from({ length: 16 }, () => this.integer(0, 255));
    return uuidv7({ msecs: Math.floor(atMs), random });
  }
}

/** Returns the sum of 1/n for n up to `count`, which normalizes Zipf shares. */
export function harmonicNumber(count: number): number {
  let sum = 0;
  for (let n = 1; n <= count; n += 1) sum += 1 / n;
  return sum;
}
