import type { Origin } from "../envelope/origin.ts";
import { Mmdb, type MmdbMetadata } from "./mmdb.ts";
import { originOfRecord } from "./origin-of-record.ts";

/** Records of a database whose origins are kept. Most calls come from few of them. */
const MOST_KEPT = 10_000;

/** A database of origins by address. */
export class OriginDatabase {
  readonly #mmdb: Mmdb;
  readonly #kept = new Map<number, Origin | undefined>();

  /** @throws MmdbError when the bytes are no database in the MaxMind DB format */
  constructor(bytes: Buffer) {
    this.#mmdb = new Mmdb(bytes);
  }

  get metadata(): MmdbMetadata {
    return this.#mmdb.metadata;
  }

  /**
   * The origin of an address, if the database has one.
   *
   * @param address its 4 or 16 bytes
   * @throws MmdbError or RangeError where the file is broken
   */
  find(address: readonly number[]): Origin | undefined {
    const place = this.#mmdb.find(address);
    if (place === undefined) return undefined;
    if (this.#kept.has(place)) return this.#kept.get(place);
    const origin = originOfRecord(this.#mmdb.read(place));
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
    this.#kept.set(place, origin);
    return origin;
  }

  /** The record of an address as the file has it. @throws like `find` */
  record(address: readonly number[]): unknown {
    const place = this.#mmdb.find(address);
    return place === undefined ? undefined : this.#mmdb.read(place);
  }
}
