import { isIPv6, SocketAddress } from "node:net";
import ipaddr from "ipaddr.js";

/** No address is longer, a zone's name included; the parser's work grows with the square of it. */
const LONGEST_ADDRESS = 64;

/** An IPv4 address in IPv6's clothes (RFC 4291, section 2.5.5.2). */
const MAPPED = /^::ffff:(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})$/;

/**
 * One text for one address: `::ffff:203.0.113.9` is the IPv4 address that it contains, and IPv6 is written
 * as RFC 5952 asks. Anything else, an address with a zone among it, stays as it is.
 */
export function canonicalIp(text: string): string {
  if (!isIPv6(text) || text.includes("%")) return text;
  const { address } = new SocketAddress({ address: text, family: "ipv6" });
  return MAPPED.exec(address)?.[1] ?? address;
}

/**
 * The network an address belongs to, about an operator's block: the first 16 bits of IPv4, the first
 * 32 of IPv6. Telling networks apart needs no data on who owns them.
 */
export function networkOf(ip: unknown): string | undefined {
  if (typeof ip !== "string" || ip.length > LONGEST_ADDRESS || !ipaddr.isValid(ip)) {
    return undefined;
  }
  // An IPv4 address within IPv6 is read as the former.
  const address = ipaddr.process(ip);
  const bytes = address.toByteArray();
  if (address.kind() === "ipv4") return `${bytes[0]}.${bytes[1]}.0.0/16`;
  const hex = bytes.slice(0, 4).map((byte) => byte.toString(16).padStart(2, "0"));
  return `${hex[0]}${hex[1]}:${hex[2]}${hex[3]}::/32`;
}
