import ipaddr from "ipaddr.js";
import * as z from "zod";

/** The longest text of a block: eight groups of IPv6, and its length. */
const LONGEST = 64;

/** The shortest prefix that may be named: a shorter one is a good part of the Internet. */
const SHORTEST_PREFIX = { ipv4: 8, ipv6: 19 } as const;

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** An IPv4 block within IPv6 is read as the former. */
function parsed(text: string): readonly [Address, number] | undefined {
  if (text.length > LONGEST || !ipaddr.isValidCIDR(text)) return undefined;
  const [address, length] = ipaddr.parseCIDR(text);
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && length >= 96) {
    return [address.toIPv4Address(), length - 96];
  }
  return [address, length];
}

/** The bits of an address, most significant first, as far as the prefix goes. */
function prefixOf(address: Address, length: number): string {
  return address
    .toByteArray()
    .map((byte) => byte.toString(2).padStart(8, "0"))
    .join("")
    .slice(0, length);
}

/** A block of addresses in CIDR form (RFC 4632): `203.0.113.0/24`. Bits beyond the prefix are cleared. */
export const ipBlockSchema = z.string().transform((text, context): string => {
  const refuse = (message: string) => {
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  };
  const block = parsed(text);
  if (!block) return refuse("a network such as 203.0.113.0/24 or 2001:db8::/32");
  const [address, length] = block;
  const shortest = SHORTEST_PREFIX[address.kind()];
  if (length < shortest)
    return refuse(`the network is too large: the prefix is at least /${shortest}`);
  const bytes = address.toByteArray().map((byte, index) => {
    const kept = Math.min(8, Math.max(0, length - index * 8));
    return byte & (0xff << (8 - kept)) & 0xff;
  });
  return `${ipaddr.fromByteArray(bytes).toString()}/${length}`;
});

/** Finds the block that an address lies in, among many: one look-up for each length of prefix in use. */
export class IpBlocks<Value> {
  readonly #byPrefix = new Map<string, Value>();
  readonly #lengths = { ipv4: new Map<number, number>(), ipv6: new Map<number, number>() };

  /** @param block as `ipBlockSchema` gives it */
  set(block: string, value: Value): void {
    const { key, kind, length } = this.#keyOf(block);
    if (!this.#byPrefix.has(key)) {
      this.#lengths[kind].set(length, (this.#lengths[kind].get(length) ?? 0) + 1);
    }
    this.#byPrefix.set(key, value);
  }

  delete(block: string): void {
    const { key, kind, length } = this.#keyOf(block);
    if (!this.#byPrefix.delete(key)) return;
    const left = (this.#lengths[kind].get(length) ?? 1) - 1;
    if (left > 0) this.#lengths[kind].set(length, left);
    else this.#lengths[kind].delete(length);
  }

  /** The values of the blocks that the address lies in. */
  find(ip: string): Value[] {
    if (this.#byPrefix.size === 0 || ip.length > LONGEST || !ipaddr.isValid(ip)) return [];
    const address = ipaddr.process(ip);
    const kind = address.kind();
    const bits = prefixOf(address, 128);
    return [...this.#lengths[kind].keys()].flatMap((length) => {
      const value = this.#byPrefix.get(`${kind} ${bits.slice(0, length)}`);
      return value === undefined ? [] : [value];
    });
  }

  #keyOf(block: string) {
    const found = parsed(block);
    if (!found) throw new RangeError(`not a network: ${block}`);
    const [address, length] = found;
    const kind = address.kind();
    return { kind, length, key: `${kind} ${prefixOf(address, length)}` };
  }
}
