import type { Random } from "../../../local/traffic/world/random.ts";

/** The first bytes of networks that operators of each kind announce. */
const IPV4 = {
  isp: ["73.42", "84.137", "81.154", "90.92", "24.16", "93.208", "86.5", "98.207"],
  mobile: ["172.56", "107.77", "80.187", "92.40"],
  aws: ["3.80", "18.204", "34.229", "52.90", "54.174"],
  azure: ["20.42", "40.76", "52.168", "13.92"],
  hosting: ["159.65", "167.99", "95.216", "51.15"],
  vpn: ["185.159", "146.70", "193.138"],
} as const;

const IPV6 = ["2601:646", "2003:e1", "2a02:8109", "2a01:cb00"] as const;

export type NetworkKind = keyof typeof IPV4;

/** An IPv4 address of a network of the kind. */
export function address(random: Random, kind: NetworkKind): string {
  return addressIn(random, random.pick(IPV4[kind]));
}

/** An IPv4 address in a network, given by its first two or three bytes. */
export function addressIn(random: Random, network: string): string {
  const missing = 4 - network.split(".").length;
  const rest = Array.from({ length: missing }, () => random.integer(1, 254));
  return [network, ...rest].join(".");
}

/** The /16 of an IPv4 address: its first two bytes. */
export function sixteenOf(ip: string): string {
  return ip.split(".").slice(0, 2).join(".");
}

/** A household's IPv6 /64. */
export function household(random: Random): string {
  const group = () => random.integer(1, 0xffff).toString(16);
  return `${random.pick(IPV6)}:${group()}:${group()}`;
}

/** An address of the household with a new interface identifier (RFC 8981). */
export function privacyAddress(random: Random, prefix: string): string {
  const group = () => random.integer(1, 0xffff).toString(16);
  return `${prefix}:${group()}:${group()}:${group()}:${group()}`;
}
