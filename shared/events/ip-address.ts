import { isIPv6, SocketAddress } from "node:net";

// In a file of its own, for functions that need no parser of addresses.
export { networkOf } from "./network.ts";

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

/** An address and a port, as some senders write them: `203.0.113.9:443`, `[2001:db8::1]:443`. */
const WITH_PORT = /^(?:(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}|\[([0-9a-f:.]{2,45})\](?::\d{1,5})?)$/i;

/** The address in a text that may have a port as well. Any other text stays as it is. */
export function withoutPort(text: string): string {
  const [, ipv4, ipv6] = WITH_PORT.exec(text) ?? [];
  return ipv4 ?? ipv6 ?? text;
}
