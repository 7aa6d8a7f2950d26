import { isIP, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";
import * as z from "zod";

/** Maximum length of an address, including its zone. Limited because parsing time is quadratic. */
const LONGEST_ADDRESS = 64;

/**
 * Returns an address's network: the first 16 bits of an IPv4 address, or the first 32 bits of an IPv6 address. Without
 * ownership data, this approximates the block that one network operator owns.
 */
export function parseNetwork(ip: unknown): string | undefined {
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

/** Shortest allowed prefix. A shorter prefix would cover a large part of the Internet. */
const SHORTEST_PREFIX = { ipv4: 8, ipv6: 19 } as const;

type Address = ReturnType<typeof ipaddr.process>;

/** Parses an address without a zone. IPv4-mapped addresses count as IPv4. */
export function parseAddress(text: string): Address | undefined {
  if (isIP(text) === 0 || text.includes("%")) return undefined;
  // ipaddr.js reads the deprecated form `::192.0.2.1` as IPv4.
  return ipaddr.process(text.replace(/^::(?=\d+\.)/, "0::"));
}

/** A CIDR block whose address may have bits beyond the prefix. */
interface Block {
  readonly address: Address;
  readonly length: number;
}

const toBits = (address: Address) => address.toByteArray().length * 8;

function parseBlock(text: string): Block | undefined {
  const [, ip = "", digits = ""] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = parseAddress(ip);
  if (!address) return undefined;
  const isMapped = address.kind() === "ipv4" && isIPv6(ip);
  const length = Number(digits) - (isMapped ? 96 : 0);
  return length < 0 || length > toBits(address) ? undefined : { address, length };
}

function writeBlock({ address, length }: Block): string {
  const bytes = address.toByteArray().map((byte, index) => {
    const bits = Math.min(8, Math.max(0, length - index * 8));
    return byte & (0xff00 >> bits) & 0xff;
  });
  return `${ipaddr.fromByteArray(bytes)}/${length}`;
}

/** A CIDR block (RFC 4632) such as `203.0.113.0/24`. Bits beyond the prefix are cleared. */
export const ipBlockSchema = z
  .string()
  .max(LONGEST_ADDRESS)
  .transform((text, context): string => {
    const reject = (message: string) => {
      context.addIssue({ code: "custom", message });
      return z.NEVER;
    };
    const block = parseBlock(text);
    if (!block) return reject("a network such as 203.0.113.0/24 or 2001:db8::/32");
    const shortest = SHORTEST_PREFIX[block.address.kind()];
    if (block.length < shortest) {
      return reject(`the network is too large. Use a prefix of /${shortest} or longer`);
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
  readonly #values = new Map<string, Value>();
  readonly #lengths = new Set<number>();

  get(block: string): Value | undefined {
    return this.#values.get(writeBlock(this.#parse(block)));
  }

  /** @throws RangeError if `block` isn't a valid CIDR block */
  set(block: string, value: Value): void {
    const parsed = this.#parse(block);
    this.#values.set(writeBlock(parsed), value);
    this.#lengths.add(parsed.length);
  }

  /** Returns the values of all blocks that contain the address. */
  find(ip: string): Value[] {
    const address = this.#values.size === 0 ? undefined : parseAddress(ip);
    if (!address) return [];
    return [...this.#lengths].flatMap((length) => {
      if (length > toBits(address)) return [];
      const value = this.#values.get(writeBlock({ address, length }));
      return value === undefined ? [] : [value];
    });
  }

  #parse(block: string): Block {
    const parsed = parseBlock(block);
    if (!parsed) throw new RangeError(`not a network: ${block}`);
    return parsed;
  }
}

/** Whether a block contains an address. */
export function isInBlock(ip: string, block: string): boolean {
  const blocks = new IpBlocks<true>();
  blocks.set(block, true);
  return blocks.find(ip).length > 0;
}
