import { parseAddress } from "../shared/events/ip-network.ts";

/** A value in a database. Numbers are unsigned integers or doubles. */
export type MmdbValue =
  | string
  | number
  | boolean
  | Buffer
  | readonly MmdbValue[]
  | { readonly [key: string]: MmdbValue };

/** Encodes a value's type and size as control bytes. */
function control(type: number, size: number): Buffer {
  const [short, rest] =
    size < 29
      ? [size, []]
      : size < 285
        ? [29, [size - 29]]
        : size < 65_821
          ? [30, [(size - 285) >> 8, (size - 285) & 0xff]]
          : [31, [(size - 65_821) >> 16, ((size - 65_821) >> 8) & 0xff, (size - 65_821) & 0xff]];
  return Buffer.from(type < 8 ? [(type << 5) | short, ...rest] : [short, type - 7, ...rest]);
}

/** Encodes a pointer to an offset in the data section, in the longest pointer format. */
export function pointerTo(offset: number): Buffer {
  const bytes = Buffer.from([(1 << 5) | (3 << 3), 0, 0, 0, 0]);
  bytes.writeUInt32BE(offset, 1);
  return bytes;
}

/** Encodes a value. Buffers are written unchanged. */
export function encode(value: MmdbValue): Buffer {
  if (Buffer.isBuffer(value)) return value;
  if (typeof value === "string") {
    const text = Buffer.from(value);
    return Buffer.concat([control(2, text.length), text]);
  }
  if (typeof value === "boolean") return control(14, value ? 1 : 0);
  if (typeof value === "number") {
    if (Number.isInteger(value) && value >= 0) {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64BE(BigInt(value));
      const first = bytes.findIndex((byte) => byte !== 0);
      const digits = bytes.subarray(first < 0 ? 8 : first);
      return Buffer.concat([control(digits.length > 4 ? 9 : 6, digits.length), digits]);
    }
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    return Buffer.concat([control(3, 8), bytes]);
  }
  if (Array.isArray(value)) {
    return Buffer.concat([control(11, value.length), ...value.map(encode)]);
  }
  const members = Object.entries(value);
  return Buffer.concat([
    control(7, members.length),
    ...members.flatMap(([key, member]) => [encode(key), encode(member)]),
  ]);
}

type Node = [Node | Buffer | undefined, Node | Buffer | undefined];

/** Options of the database file. */
export interface MmdbOptions {
  readonly type?: string;
  readonly ipVersion?: 4 | 6;
  readonly recordBits?: 24 | 28 | 32;
  readonly buildEpochSeconds?: number;
  /** Additional or overriding metadata, which may be wrong. */
  readonly metadata?: { readonly [key: string]: MmdbValue };
}

const MARKER = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");

/** Returns the bits of a CIDR block in the tree. In an IPv6 tree, IPv4 comes after 96 zeros. */
function toBits(block: string, ipVersion: 4 | 6): number[] {
  const [ip = "", length] = block.split("/");
  const bytes = parseAddress(ip)?.toByteArray() ?? [];
  const bits = bytes.flatMap((byte) =>
    Array.from({ length: 8 }, (_, bit) => (byte >> (7 - bit)) & 1),
  );
  const prefix = bits.slice(0, Number(length));
  return bytes.length === 4 && ipVersion === 6 ? [...Array(96).fill(0), ...prefix] : prefix;
}

/**
 * Creates a file in the MaxMind DB format, version 2. List a smaller block before the larger block that contains it.
 *
 * @param records records by CIDR block
 */
export function mmdbFile(
  records: Readonly<Record<string, MmdbValue>>,
  {
    type = "Test",
    ipVersion = 6,
    recordBits = 24,
    buildEpochSeconds = 1_764_000_000,
    metadata = {},
  }: MmdbOptions = {},
): Buffer {
  const root: Node = [undefined, undefined];
  const nodes: Node[] = [root];
  const data: Buffer[] = [];
  const locations = new Map<Buffer, number>();
  let size = 0;
  for (const [block, record] of Object.entries(records)) {
    const encoded = encode(record);
    locations.set(encoded, size);
    size += encoded.length;
    data.push(encoded);
    const bits = toBits(block, ipVersion);
    let node = root;
    for (const bit of bits.slice(0, -1)) {
      let next = node[bit];
      if (!Array.isArray(next)) {
        next = [next, next];
        node[bit] = next;
        nodes.push(next);
      }
      node = next;
    }
    const last = bits.at(-1) ?? 0;
    const behind = node[last];
    if (!Array.isArray(behind)) node[last] = encoded;
  }
  const index = new Map(nodes.map((node, at) => [node, at]));
  const parseRecord = (side: Node | Buffer | undefined) =>
    side === undefined
      ? nodes.length
      : Array.isArray(side)
        ? (index.get(side) as number)
        : nodes.length + 16 + (locations.get(side) as number);
  const tree = nodes.map((node) => {
    const [left, right] = [parseRecord(node[0]), parseRecord(node[1])];
    const bytes = Buffer.alloc(recordBits / 4);
    if (recordBits === 24) {
      bytes.writeUIntBE(left, 0, 3);
      bytes.writeUIntBE(right, 3, 3);
    } else if (recordBits === 32) {
      bytes.writeUInt32BE(left, 0);
      bytes.writeUInt32BE(right, 4);
    } else {
      bytes.writeUIntBE(left & 0xffffff, 0, 3);
      bytes.writeUInt8(((left >>> 24) << 4) | (right >>> 24), 3);
      bytes.writeUIntBE(right & 0xffffff, 4, 3);
    }
    return bytes;
  });
  return Buffer.concat([
    ...tree,
    Buffer.alloc(16),
    ...data,
    MARKER,
    encode({
      binary_format_major_version: 2,
      binary_format_minor_version: 0,
      build_epoch: buildEpochSeconds,
      database_type: type,
      description: { en: "A test" },
      ip_version: ipVersion,
      languages: ["en"],
      node_count: nodes.length,
      record_size: recordBits,
      ...metadata,
    }),
  ]);
}
