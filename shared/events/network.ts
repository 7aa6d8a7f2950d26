import ipaddr from "ipaddr.js";

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
