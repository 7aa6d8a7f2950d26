import ipaddr from "ipaddr.js";

/** No address is longer, a zone's name included; the parser's work grows with the square of it. */
const LONGEST_ADDRESS = 64;

/** The prefix that one IPv6 site has, and within which a machine changes its addresses at will (RFC 8981). */
const GROUP_PREFIX = 64;

/**
 * Returns the group that an address is counted, listed and blocked with: the /64 of an IPv6 address, such as
 * `2001:db8:1:2::/64`. An IPv4 address, and any other text, is its own group.
 */
export function addressGroup(ip: string): string {
  if (ip.length > LONGEST_ADDRESS || ip.includes("%") || !ipaddr.IPv6.isValid(ip)) return ip;
  if (ipaddr.process(ip).kind() === "ipv4") return ip;
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${ip}/${GROUP_PREFIX}`)}/${GROUP_PREFIX}`;
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
