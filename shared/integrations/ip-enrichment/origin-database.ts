import { isIPv6 } from "node:net";
import { Reader, type Response } from "mmdb-lib";
import type { Origin } from "../../events/origin.ts";
import { originOfRecord } from "./origin-of-record.ts";

/** Maximum file size in bytes. The largest free city table is half this size. */
export const MOST_FILE_BYTES = 128 * 1024 * 1024;

/** Maximum number of cached lookups. Most calls come from a few addresses. */
const MOST_KEPT = 10_000;

/** Marker before the metadata. */
const MARKER = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");

/** Zero bytes between the search tree and the data. */
const SEPARATOR_BYTES = 16;

/** Thrown if a file is not a complete database in the MaxMind DB format. */
export class BrokenDatabaseError extends Error {
  override readonly name = "BrokenDatabaseError";
}

/** Metadata of a database. */
export interface DatabaseMetadata {
  /** Database type, such as `GeoLite2-Country`. */
  readonly type: string;
  readonly buildEpochSeconds: number;
  readonly ipVersion: 4 | 6;
}

/** @throws BrokenDatabaseError */
function open(bytes: Buffer): Reader<Response> {
  if (!bytes.includes(MARKER)) {
    throw new BrokenDatabaseError("the file has no metadata of the MaxMind DB format");
  }
  try {
    const reader = new Reader<Response>(bytes);
    const { binaryFormatMajorVersion, ipVersion, searchTreeSize } = reader.metadata;
    if (binaryFormatMajorVersion !== 2) {
      throw new BrokenDatabaseError(
        `the file has format version ${binaryFormatMajorVersion}. Only version 2 is supported`,
      );
    }
    if (ipVersion !== 4 && ipVersion !== 6) {
      throw new BrokenDatabaseError("the file has no valid IP version");
    }
    if (!(searchTreeSize + SEPARATOR_BYTES <= bytes.length)) {
      throw new BrokenDatabaseError(
        "the file is truncated: its search tree is longer than the file",
      );
    }
    return reader;
  } catch (error) {
    if (error instanceof BrokenDatabaseError) throw error;
    throw new BrokenDatabaseError(`the file is truncated or corrupt: ${error}`);
  }
}

/**
 * An IP database in the MaxMind DB format, in memory. Trusts the publisher of the file, because the library doesn't
 * limit what a record can contain.
 * https://maxmind.github.io/MaxMind-DB/
 */
export class OriginDatabase {
  readonly metadata: DatabaseMetadata;
  readonly #reader: Reader<Response>;
  readonly #kept = new Map<string, Origin | undefined>();

  /** @throws BrokenDatabaseError if the bytes are not a database in the MaxMind DB format */
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
   * Returns the IP enrichment for an address, if the database has any.
   *
   * @param ip an address in its canonical form
   * @throws Error if the file is broken
   */
  find(ip: string): Origin | undefined {
    if (this.#kept.has(ip)) return this.#kept.get(ip);
    const record = this.record(ip);
    const origin = record === undefined ? undefined : originOfRecord(record);
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
    this.#kept.set(ip, origin);
    return origin;
  }

  /** Returns the raw record for an address. @throws Error if the file is broken */
  record(ip: string): unknown {
    // A lookup in an IPv4 tree would treat the first bits of an IPv6 address as an IPv4 address.
    if (this.metadata.ipVersion === 4 && isIPv6(ip)) return undefined;
    return this.#reader.get(ip) ?? undefined;
  }
}
