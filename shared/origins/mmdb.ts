/** What stands before the metadata. */
const MARKER = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");
/** The metadata is within this many bytes of the end. */
const METADATA_BYTES = 128 * 1024;
/** Zeros between the search tree and the data. */
const SEPARATOR_BYTES = 16;

/** What one record may hold. The records of known databases have a tenth of it. */
const MOST_VALUES = 4096;
const MOST_TEXT_BYTES = 64 * 1024;
const DEEPEST = 32;

const POINTER = 1;
const TEXT = 2;
const DOUBLE = 3;
const BYTES = 4;
const UINT16 = 5;
const UINT32 = 6;
const MAP = 7;
const INT32 = 8;
const UINT64 = 9;
const UINT128 = 10;
const ARRAY = 11;
const BOOLEAN = 14;
const FLOAT = 15;

/** A file is no database, or a record of it is broken. */
export class MmdbError extends Error {
  override readonly name = "MmdbError";
}

/** What a database says of itself. */
export interface MmdbMetadata {
  /** For example `GeoLite2-Country`. */
  readonly type: string;
  readonly buildEpochSeconds: number;
  readonly ipVersion: 4 | 6;
  readonly nodeCount: number;
  readonly recordBits: 24 | 28 | 32;
}

/** Reads one record, and stops at a record that is larger than any honest one. */
class RecordDecoder {
  #offset = 0;
  #values = 0;
  #textBytes = 0;

  /**
   * @param section where the data begins, to which pointers are relative
   */
  constructor(
    private readonly bytes: Buffer,
    private readonly section: number,
  ) {}

  /** @throws MmdbError, or RangeError beyond the end of the file */
  decode(offset: number): unknown {
    this.#offset = offset;
    return this.#next(0);
  }

  #next(depth: number): unknown {
    this.#values += 1;
    if (this.#values > MOST_VALUES) throw new MmdbError(`more than ${MOST_VALUES} values`);
    if (depth > DEEPEST) throw new MmdbError(`nested deeper than ${DEEPEST} levels`);
    const control = this.#number(1);
    const short = control >> 5;
    if (short === POINTER) return this.#followed(control, depth);
    const type = short === 0 ? 7 + this.#number(1) : short;
    return this.#value(type, this.#size(control & 0x1f), depth);
  }

  #value(type: number, size: number, depth: number): unknown {
    switch (type) {
      case MAP:
        return this.#map(size, depth);
      case ARRAY:
        return this.#array(size, depth);
      case TEXT:
        return this.#text(size);
      case BOOLEAN:
        return size !== 0;
      case DOUBLE:
        return this.#skip(8, (at) => this.bytes.readDoubleBE(at));
      case FLOAT:
        return this.#skip(4, (at) => this.bytes.readFloatBE(at));
      case UINT16:
      case UINT32:
        return this.#number(size);
      case INT32:
        return this.#number(size) | 0;
      case BYTES:
        return this.#skip(size, () => undefined);
      case UINT64:
      case UINT128:
        return size <= 6 ? this.#number(size) : this.#skip(size, () => undefined);
      default:
        throw new MmdbError(`a value of the unknown type ${type}`);
    }
  }

  #map(size: number, depth: number): object {
    const map = new Map<string, unknown>();
    for (let left = size; left > 0; left -= 1) {
      const key = this.#next(depth + 1);
      if (typeof key !== "string") throw new MmdbError("a key that is no text");
      map.set(key, this.#next(depth + 1));
    }
    return Object.fromEntries(map);
  }

  #array(size: number, depth: number): unknown[] {
    const list: unknown[] = [];
    for (let left = size; left > 0; left -= 1) list.push(this.#next(depth + 1));
    return list;
  }

  #text(size: number): string {
    this.#textBytes += size;
    if (this.#textBytes > MOST_TEXT_BYTES) {
      throw new MmdbError(`more than ${MOST_TEXT_BYTES} bytes of text`);
    }
    return this.#skip(size, (at) => this.bytes.toString("utf8", at, at + size));
  }

  /** Reads what a pointer leads to, and goes on behind the pointer. */
  #followed(control: number, depth: number): unknown {
    const size = (control >> 3) & 3;
    const high = control & 7;
    const low = this.#number(size + 1);
    const bases = [high * 2 ** 8, high * 2 ** 16 + 2048, high * 2 ** 24 + 526_336, 0];
    const behind = this.#offset;
    this.#offset = this.section + (bases[size] ?? 0) + low;
    const value = this.#next(depth + 1);
    this.#offset = behind;
    return value;
  }

  #size(size: number): number {
    if (size < 29) return size;
    if (size === 29) return 29 + this.#number(1);
    if (size === 30) return 285 + this.#number(2);
    return 65_821 + this.#number(3);
  }

  #number(size: number): number {
    if (size > 6) throw new MmdbError(`a number of ${size} bytes`);
    return size === 0 ? 0 : this.#skip(size, (at) => this.bytes.readUIntBE(at, size));
  }

  #skip<Value>(size: number, read: (at: number) => Value): Value {
    const at = this.#offset;
    this.#offset += size;
    if (this.#offset > this.bytes.length) throw new MmdbError("a value beyond the end of the file");
    return read(at);
  }
}

const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0;

function readMetadata(bytes: Buffer): MmdbMetadata & { readonly start: number } {
  const start = bytes.lastIndexOf(MARKER);
  if (start < 0 || start < bytes.length - METADATA_BYTES) {
    throw new MmdbError("it has no metadata of the MaxMind DB format");
  }
  const section = start + MARKER.length;
  const record = new RecordDecoder(bytes, section).decode(section);
  if (typeof record !== "object" || record === null) throw new MmdbError("its metadata is no map");
  const said = record as Readonly<Record<string, unknown>>;
  const {
    binary_format_major_version: major,
    database_type: type,
    build_epoch: built,
    ip_version: ipVersion,
    node_count: nodeCount,
    record_size: bits,
  } = said;
  if (major !== 2) throw new MmdbError(`it has version ${major} of the format: only 2 is known`);
  if (ipVersion !== 4 && ipVersion !== 6) throw new MmdbError("it says no version of IP");
  if (bits !== 24 && bits !== 28 && bits !== 32)
    throw new MmdbError("its nodes have no known size");
  if (!isCount(nodeCount)) throw new MmdbError("it does not say how many nodes it has");
  if ((nodeCount * bits) / 4 + SEPARATOR_BYTES > start) {
    throw new MmdbError("it is cut: its search tree is longer than the file");
  }
  return {
    type: typeof type === "string" ? type : "",
    buildEpochSeconds: isCount(built) ? built : 0,
    ipVersion,
    nodeCount,
    recordBits: bits,
    start,
  };
}

/**
 * A database in the MaxMind DB format, version 2, in memory. Whatever the file contains, a look-up reads at most
 * 128 nodes and 4,096 values: libraries trust the file, and a file of a kilobyte can keep them busy for years.
 * https://maxmind.github.io/MaxMind-DB/
 */
export class Mmdb {
  readonly metadata: MmdbMetadata;
  readonly #dataStart: number;
  readonly #ipv4Node: number;

  /** @throws MmdbError when the bytes are no such database */
  constructor(private readonly bytes: Buffer) {
    const { start, ...metadata } = readMetadata(bytes);
    this.metadata = metadata;
    this.#dataStart = (metadata.nodeCount * metadata.recordBits) / 4 + SEPARATOR_BYTES;
    let node = 0;
    // IPv4 addresses are those of IPv6 whose first 96 bits are zero.
    for (let bit = 0; metadata.ipVersion === 6 && bit < 96 && node < metadata.nodeCount; bit += 1) {
      node = this.#child(node, 0);
    }
    this.#ipv4Node = node;
  }

  /**
   * Where the record of an address is. Many addresses share one.
   *
   * @param address its 4 or 16 bytes
   * @returns undefined when the database has none
   */
  find(address: readonly number[]): number | undefined {
    const { nodeCount, ipVersion } = this.metadata;
    if (address.length === 16 && ipVersion === 4) return undefined;
    let node = address.length === 4 ? this.#ipv4Node : 0;
    for (let bit = 0; bit < address.length * 8 && node < nodeCount; bit += 1) {
      node = this.#child(node, ((address[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1);
    }
    return node > nodeCount ? this.#dataStart + node - nodeCount - SEPARATOR_BYTES : undefined;
  }

  /**
   * The record at a place that `find` answered.
   *
   * @throws MmdbError when it is broken, or larger than any honest one
   */
  read(place: number): unknown {
    return new RecordDecoder(this.bytes, this.#dataStart).decode(place);
  }

  #child(node: number, side: 0 | 1 | number): number {
    const { recordBits } = this.metadata;
    const at = (node * recordBits) / 4;
    if (recordBits === 24) return this.bytes.readUIntBE(at + side * 3, 3);
    if (recordBits === 32) return this.bytes.readUInt32BE(at + side * 4);
    const middle = this.bytes.readUInt8(at + 3);
    return side === 0
      ? (middle >> 4) * 2 ** 24 + this.bytes.readUIntBE(at, 3)
      : (middle & 0x0f) * 2 ** 24 + this.bytes.readUIntBE(at + 4, 3);
  }
}
