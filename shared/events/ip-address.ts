import { isIPv6, SocketAddress } from "node:net";

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
