import { isIP, isIPv6, SocketAddress } from "node:net";
import ipaddr from "ipaddr.js";
import * as z from "zod";

/** An IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2). */
const MAPPED = /^::ffff:(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})$/;

/**
 * Returns an address in canonical form. Unwraps IPv4-mapped addresses such as `::ffff:203.0.113.9`, and formats IPv6 as
 * in RFC 5952. Returns any other text unchanged, including addresses with a zone.
 */
export function canonicalIp(text: string): string {
  if (!isIPv6(text) || text.includes("%")) return text;
  const { address } = new SocketAddress({ address: text, family: "ipv6" });
  return MAPPED.exec(address)?.[1] ?? address;
}

/** An address with an optional port: `203.0.113.9:443`, `[2001:db8::1]:443`. */
const WITH_PORT = /^(?:(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}|\[([0-9a-f:.]{2,45})\](?::\d{1,5})?)$/i;

/** Returns the address without its port. Returns any other text unchanged. */
export function withoutPort(text: string): string {
  const [, ipv4, ipv6] = WITH_PORT.exec(text) ?? [];
  return ipv4 ?? ipv6 ?? text;
}

/** Maximum length of an address, including its zone. Limited because parsing time is quadratic. */
const LONGEST_ADDRESS = 64;

/**
 * Returns an address's network: the first 16 bits of an IPv4 address, or the first 32 bits of an IPv6 address. Without
 * ownership data, this approximates the block that one network operator owns.
 */
export function networkOf(ip: unknown): string | undefined {
  if (typeof ip !== "string" || ip.length > LONGEST_ADDRESS || !ipaddr.isValid(ip)) {
    return undefined;
  }
  // IPv4-mapped addresses count as IPv4.
  const address = ipaddr.process(ip);
  const bytes = address.toByteArray();
  if (address.kind() === "ipv4") return `${bytes[0]}.${bytes[1]}.0.0/16`;
  const hex = bytes.slice(0, 4).map((byte) => byte.toString(16).padStart(2, "0"));
  return `${hex[0]}${hex[1]}:${hex[2]}${hex[3]}::/32`;
}

/** The IPv6 range for Internet hosts (RFC 4291, section 2.4). */
const GLOBAL_UNICAST = ipaddr.parseCIDR("2000::/3");

/**
 * Whether an address is public: not private, loopback, link-local or any other special-use address (RFC
 * 6890). IPv4-mapped addresses count as IPv4.
 */
export function isPublicAddress(ip: string): boolean {
  if (!ipaddr.isValid(ip)) return false;
  const address = ipaddr.process(ip);
  if (address.range() !== "unicast") return false;
  return address.kind() === "ipv4" || address.match(GLOBAL_UNICAST);
}

/** Maximum length of an address. Longer texts aren't parsed. */
const LONGEST = 64;

/** Shortest allowed prefix, by IP version. A shorter prefix would cover a large part of the Internet. */
const SHORTEST_PREFIX = { 4: 8, 6: 19 } as const;

const BITS = { 4: 32, 6: 128 } as const;

/** Last four bytes of an IPv6 address in IPv4 notation. */
const DOTTED_TAIL = /(?<=:)(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/**
 * Returns the bytes of an address, or undefined if the text isn't one or has a zone. IPv4-mapped addresses
 * count as IPv4.
 */
export function bytesOf(text: string): readonly number[] | undefined {
  if (text.length > LONGEST || isIP(text) === 0 || text.includes("%")) return undefined;
  const ip = canonicalIp(text);
  if (!isIPv6(ip)) return ip.split(".").map(Number);
  const hex = ip.replace(DOTTED_TAIL, (_, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [head = "", tail] = hex.split("::");
  const groups = (part = "") => (part === "" ? [] : part.split(":"));
  const [first, last] = [groups(head), groups(tail)];
  const zeros = Array<string>(tail === undefined ? 0 : 8 - first.length - last.length).fill("0");
  return [...first, ...zeros, ...last].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

const versionOf = (bytes: readonly number[]) => (bytes.length === 4 ? 4 : 6);

/** Returns an address's IP version and first bits as text. */
function prefixOf(bytes: readonly number[], length: number): string {
  const bits = bytes.map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return `${versionOf(bytes)}:${bits.slice(0, length)}`;
}

interface Block {
  readonly bytes: readonly number[];
  readonly length: number;
}

function parseBlock(text: string): Block | undefined {
  const [, ip = "", digits = ""] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const bytes = bytesOf(ip);
  if (!bytes) return undefined;
  const isMapped = versionOf(bytes) === 4 && isIPv6(ip);
  const length = Number(digits) - (isMapped ? 96 : 0);
  return length < 0 || length > BITS[versionOf(bytes)] ? undefined : { bytes, length };
}

function writeBlock({ bytes, length }: Block): string {
  const kept = bytes.map((byte, index) => {
    const bits = Math.min(8, Math.max(0, length - index * 8));
    return byte & (0xff << (8 - bits)) & 0xff;
  });
  if (versionOf(bytes) === 4) return `${kept.join(".")}/${length}`;
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((kept[index * 2] ?? 0) << 8) | (kept[index * 2 + 1] ?? 0)).toString(16),
  );
  return `${canonicalIp(groups.join(":"))}/${length}`;
}

/** A CIDR block (RFC 4632) such as `203.0.113.0/24`. Bits beyond the prefix are cleared. */
export const ipBlockSchema = z
  .string()
  .max(LONGEST)
  .transform((text, context): string => {
    const refuse = (message: string) => {
      context.addIssue({ code: "custom", message });
      return z.NEVER;
    };
    const block = parseBlock(text);
    if (!block) return refuse("a network such as 203.0.113.0/24 or 2001:db8::/32");
    const shortest = SHORTEST_PREFIX[versionOf(block.bytes)];
    if (block.length < shortest) {
      return refuse(`the network is too large. Use a prefix of /${shortest} or longer`);
    }
    return writeBlock(block);
  });

/** Prefix length of an IPv6 subnet. A machine can change its address within the subnet at will (RFC 8981). */
const GROUP_PREFIX = 64;

/**
 * Returns the group by which an address is counted, listed and blocked: for IPv6, its /64, such as `2001:db8:1:2::/64`.
 * Returns an IPv4 address, or any other text, unchanged.
 */
export function addressGroup(ip: string): string {
  const block = ip.includes(":") ? parseBlock(`${ip}/${GROUP_PREFIX}`) : undefined;
  return block ? writeBlock(block) : ip;
}

/** Finds the blocks that contain an address, with one lookup per prefix length in use. */
export class IpBlocks<Value> {
  readonly #byPrefix = new Map<string, Value>();
  readonly #lengths = new Set<number>();

  get(block: string): Value | undefined {
    return this.#byPrefix.get(this.#parse(block).key);
  }

  /** @throws RangeError if `block` isn't a valid CIDR block */
  set(block: string, value: Value): void {
    const { key, length } = this.#parse(block);
    this.#byPrefix.set(key, value);
    this.#lengths.add(length);
  }

  /** Returns the values of all blocks that contain the address. */
  find(ip: string): Value[] {
    const bytes = this.#byPrefix.size === 0 ? undefined : bytesOf(ip);
    if (!bytes) return [];
    const bits = prefixOf(bytes, BITS[versionOf(bytes)]);
    return [...this.#lengths].flatMap((length) => {
      const value = this.#byPrefix.get(bits.slice(0, length + 2));
      return value === undefined ? [] : [value];
    });
  }

  #parse(block: string) {
    const parsed = parseBlock(block);
    if (!parsed) throw new RangeError(`not a network: ${block}`);
    return { key: prefixOf(parsed.bytes, parsed.length), length: parsed.length };
  }
}

/** Whether a block contains an address. */
export function isInBlock(ip: string, block: string): boolean {
  const blocks = new IpBlocks<true>();
  blocks.set(block, true);
  return blocks.find(ip).length > 0;
}
