import { isIPv6 } from "node:net";
import { Reader, type Response } from "mmdb-lib";
import type { Origin } from "../../events/origin.ts";
import { originOfRecord } from "./origin-of-record.ts";

/** The largest file that is loaded, in bytes. The largest free table of cities has half of it. */
export const MOST_FILE_BYTES = 128 * 1024 * 1024;

/** Addresses whose origins are kept. Most calls come from few of them. */
const MOST_KEPT = 10_000;

/** What stands before the metadata. */
const MARKER = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");

/** Zeros between the search tree and the data. */
const SEPARATOR_BYTES = 16;

/** A file is no database in the MaxMind DB format, or a part of it is missing. */
export class BrokenDatabaseError extends Error {
  override readonly name = "BrokenDatabaseError";
}

/** What a database says of itself. */
export interface DatabaseMetadata {
  /** For example `GeoLite2-Country`. */
  readonly type: string;
  readonly buildEpochSeconds: number;
  readonly ipVersion: 4 | 6;
}

/** @throws BrokenDatabaseError */
function open(bytes: Buffer): Reader<Response> {
  if (!bytes.includes(MARKER)) {
    throw new BrokenDatabaseError("it has no metadata of the MaxMind DB format");
  }
  try {
    const reader = new Reader<Response>(bytes);
    const { binaryFormatMajorVersion, ipVersion, searchTreeSize } = reader.metadata;
    if (binaryFormatMajorVersion !== 2) {
      throw new BrokenDatabaseError(
        `it has version ${binaryFormatMajorVersion} of the format: only 2 is known`,
      );
    }
    if (ipVersion !== 4 && ipVersion !== 6) {
      throw new BrokenDatabaseError("it says no version of IP");
    }
    if (!(searchTreeSize + SEPARATOR_BYTES <= bytes.length)) {
      throw new BrokenDatabaseError("it is cut: its search tree is longer than the file");
    }
    return reader;
  } catch (error) {
    if (error instanceof BrokenDatabaseError) throw error;
    throw new BrokenDatabaseError(`it is cut or broken: ${error}`);
  }
}

/**
 * A database of origins by address, in the MaxMind DB format, in memory. Its publisher is trusted: the library reads
 * whatever a record says.
 * https://maxmind.github.io/MaxMind-DB/
 */
export class OriginDatabase {
  readonly metadata: DatabaseMetadata;
  readonly #reader: Reader<Response>;
  readonly #kept = new Map<string, Origin | undefined>();

  /** @throws BrokenDatabaseError when the bytes are no database in the MaxMind DB format */
  constructor(bytes: Buffer) {
    this.#reader = open(bytes);
    const { databaseType, buildEpoch, ipVersion } = this.#reader.metadata;
    this.metadata = {
      type: String(databaseType ?? ""),
      buildEpochSeconds: Math.floor(buildEpoch.getTime() / 1000) || 0,
      ipVersion: ipVersion as 4 | 6,
    };
  }

  /**
   * The origin of an address, if the database has one.
   *
   * @param ip an address in its canonical form
   * @throws Error where the file is broken
   */
  find(ip: string): Origin | undefined {
    if (this.#kept.has(ip)) return this.#kept.get(ip);
    const record = this.record(ip);
    const origin = record === undefined ? undefined : originOfRecord(record);
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
    this.#kept.set(ip, origin);
    return origin;
  }

  /** The record of an address as the file has it. @throws like `find` */
  record(ip: string): unknown {
    // A tree of IPv4 would take the first bits of an IPv6 address for one of IPv4.
    if (this.metadata.ipVersion === 4 && isIPv6(ip)) return undefined;
    return this.#reader.get(ip) ?? undefined;
  }
}
