import type { Origin } from "../../events/origin.ts";
import type { OriginDatabase } from "./origin-database.ts";

/** What a database said of a sample of addresses. */
export interface DatabaseSample {
  readonly sampled: number;
  /** Addresses of which it knew a member, by the member. */
  readonly known: Readonly<Partial<Record<keyof Origin, number>>>;
  /** Addresses whose records are broken. */
  readonly broken: number;
}

/** First bytes that no public network has: this host, private ones, loopback, multicast, and what is reserved. */
const isPublic = (first: number) => first > 0 && first < 224 && ![10, 127].includes(first);

/** Addresses all over IPv4: one of each 2,048th part of what is public. */
const SAMPLE = Array.from({ length: 256 }, (_, first) => first)
  .filter(isPublic)
  .flatMap((first) =>
    [8, 40, 72, 104, 136, 168, 200, 232].map((second) => `${first}.${second}.8.8`),
  );

/** Asks a database about addresses all over IPv4, to say what it knows before anybody relies on it. */
export function sampleDatabase(database: OriginDatabase): DatabaseSample {
  const known: Partial<Record<keyof Origin, number>> = {};
  let broken = 0;
  for (const address of SAMPLE) {
    try {
      for (const member of Object.keys(database.find(address) ?? {}) as (keyof Origin)[]) {
        known[member] = (known[member] ?? 0) + 1;
      }
    } catch {
      broken += 1;
    }
  }
  return { sampled: SAMPLE.length, known, broken };
}
