import type { Random } from "./random.ts";

/** A range of reserved addresses. The first two octets of an address identify its network. */
interface Range {
  readonly first: number;
  readonly second: readonly [least: number, most: number];
}

const RANGES = {
  /** Homes. */
  home: { first: 10, second: [0, 99] },
  /** Mobile carriers (RFC 6598). */
  mobile: { first: 100, second: [64, 127] },
  /** Data centres. */
  hosting: { first: 172, second: [16, 31] },
  /** Offices of partners. */
  office: { first: 10, second: [100, 159] },
  /** Scanners and attackers. No client uses these networks. */
  foreign: { first: 10, second: [160, 255] },
} as const satisfies Record<string, Range>;

export type Region = keyof typeof RANGES;

/** Returns the first two octets of an address. */
export function getPrefix(ip: string): string {
  return ip.split(".", 2).join(".");
}

/** Returns a random address in a network. */
export function addressIn(random: Random, network: string): string {
  return `${network}.${random.integer(0, 127)}.${random.integer(1, 254)}`;
}

/** Returns a random network of a kind. */
export function network(random: Random, location: Region): string {
  const { first, second } = RANGES[location];
  return `${first}.${random.integer(second[0], second[1])}`;
}

/** Returns a random address of a kind. */
export function address(random: Random, location: Region): string {
  return addressIn(random, network(random, location));
}

/** Returns `count` addresses, each in a different network. */
export function addressesApart(random: Random, location: Region, count: number): string[] {
  const networks = new Set<string>();
  while (networks.size < count) networks.add(network(random, location));
  return [...networks].map((each) => addressIn(random, each));
}

/** Returns `count` addresses of hijacked machines in home networks. No user has any of these addresses. */
export function residentialProxies(random: Random, count: number): string[] {
  const addresses = new Set<string>();
  while (addresses.size < count) {
    addresses.add(
      `${network(random, "home")}.${random.integer(128, 255)}.${random.integer(1, 254)}`,
    );
  }
  return [...addresses];
}
