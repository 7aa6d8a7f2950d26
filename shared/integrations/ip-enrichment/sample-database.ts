import type { Origin } from "../../events/origin.ts";
import type { OriginDatabase } from "./origin-database.ts";

/** The coverage of a database, measured with sample addresses. */
export interface DatabaseSample {
  readonly sampled: number;
  /** Number of addresses for which the database has each field. */
  readonly known: Readonly<Partial<Record<keyof Origin, number>>>;
  /** Number of addresses whose records are broken. */
  readonly broken: number;
}

/** Whether an address with this first byte can be public. Excludes 0, 10, 127, multicast and reserved ranges. */
const isPublic = (first: number) => first > 0 && first < 224 && ![10, 127].includes(first);

/** Sample addresses: eight in each public /8 of IPv4. */
const SAMPLE = Array.from({ length: 256 }, (_, first) => first)
  .filter(isPublic)
  .flatMap((first) =>
    [8, 40, 72, 104, 136, 168, 200, 232].map((second) => `${first}.${second}.8.8`),
  );

/** Looks up sample addresses in a database to show its coverage before it is used. */
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
