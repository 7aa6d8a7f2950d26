import ipaddr from "ipaddr.js";

/** No address is longer, a zone's name included; the parser's work grows with the square of it. */
const LONGEST_ADDRESS = 64;

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
