import type { Random } from "../../../local/traffic/world/random.ts";
import type { IpEnrichment, NetworkType } from "../../../shared/events/ip-enrichment.ts";

/** First octets of each network, by type of network operator. */
const IPV4 = {
  isp: ["73.42", "84.137", "81.154", "90.92", "24.16", "93.208", "86.5", "98.207"],
  mobile: ["172.56", "107.77", "80.187", "92.40"],
  aws: ["3.80", "18.204", "34.229", "52.90", "54.174"],
  azure: ["20.42", "40.76", "52.168", "13.92"],
  hosting: ["159.65", "167.99", "95.216", "51.15"],
  vpn: ["185.159", "146.70", "193.138"],
  // Used only by cases that need IP enrichment.
  abroad: ["177.32"],
  hotel: ["90.170"],
  tor: ["185.220", "171.25"],
  gateway: ["62.40"],
  corporate: ["12.40"],
} as const;

/** Latitude and longitude of the operators' cities. */
const CITIES = {
  Frankfurt: [50.11, 8.68],
  Cologne: [50.94, 6.96],
  Stuttgart: [48.78, 9.18],
  Ashburn: [39.04, -77.49],
  Amsterdam: [52.37, 4.9],
  Helsinki: [60.17, 24.94],
  Paris: [48.86, 2.35],
  Zurich: [47.37, 8.54],
  Stockholm: [59.33, 18.07],
  "São Paulo": [-23.55, -46.63],
  Madrid: [40.42, -3.7],
  Bucharest: [44.43, 26.1],
  Milan: [45.46, 9.19],
} as const;

type Row = readonly [
  networks: readonly string[],
  asn: number,
  organization: string,
  country: string,
  city: keyof typeof CITIES,
  networkType?: NetworkType,
];

/**
 * The operator of each network. Users live in one country, with three ISPs and two mobile carriers. Clouds, hosting
 * providers and VPNs are in typical countries. The authors of the cases did not use this table. AS numbers are from the
 * range reserved for documentation (RFC 5398).
 */
const OPERATORS: readonly Row[] = [
  [
    ["73.42", "84.137", "81.154", "2601:646", "2003:e1"],
    64496,
    "Example Telecom",
    "DE",
    "Frankfurt",
  ],
  [["90.92", "24.16", "93.208", "2a02:8109"], 64497, "Example Cable", "DE", "Cologne"],
  [["86.5", "98.207", "2a01:cb00"], 64498, "Example Fibre", "DE", "Stuttgart"],
  [["172.56", "107.77"], 64499, "Example Mobile", "DE", "Frankfurt"],
  [["80.187", "92.40"], 64500, "Example Wireless", "DE", "Cologne"],
  [IPV4.aws, 64501, "Example Cloud", "US", "Ashburn", "hosting"],
  [["20.42", "40.76"], 64502, "Example Compute", "US", "Ashburn", "hosting"],
  [["52.168", "13.92"], 64502, "Example Compute", "NL", "Amsterdam", "hosting"],
  [["159.65", "167.99"], 64503, "Example Servers", "US", "Ashburn", "hosting"],
  [["95.216"], 64504, "Example Hosting", "FI", "Helsinki", "hosting"],
  [["51.15"], 64505, "Example Metal", "FR", "Paris", "hosting"],
  [["185.159"], 64506, "Example VPN", "CH", "Zurich", "vpn"],
  [["146.70"], 64507, "Example Tunnel", "NL", "Amsterdam", "vpn"],
  [["193.138"], 64508, "Example Privacy", "SE", "Stockholm", "vpn"],
  [IPV4.abroad, 64509, "Example Brasil", "BR", "São Paulo"],
  [IPV4.hotel, 64510, "Example Hotels", "ES", "Madrid"],
  [IPV4.tor, 64511, "Example Relays", "RO", "Bucharest", "tor"],
  // A carrier's gateways in another country, and a company's own VPN that no database lists.
  [IPV4.gateway, 64499, "Example Mobile", "IT", "Milan"],
  [IPV4.corporate, 65536, "Example Corporation", "US", "Ashburn"],
];

const NETWORK_ENRICHMENT: ReadonlyMap<string, IpEnrichment> = new Map(
  OPERATORS.flatMap(([networks, asn, organization, country, city, networkType]) =>
    networks.map((network) => {
      const [latitude, longitude] = CITIES[city];
      return [
        network,
        { country, asn, organization, latitude, longitude, ...(networkType && { networkType }) },
      ] as const;
    }),
  ),
);

/** Returns the IP enrichment for an address in the evaluation. */
export function getEvaluationEnrichment(ip: unknown): IpEnrichment | undefined {
  if (typeof ip !== "string") return undefined;
  const separator = ip.includes(":") ? ":" : ".";
  return NETWORK_ENRICHMENT.get(ip.split(separator).slice(0, 2).join(separator));
}

const IPV6 = ["2601:646", "2003:e1", "2a02:8109", "2a01:cb00"] as const;

export type NetworkName = keyof typeof IPV4;

/** Returns a random IPv4 address in a network of the given kind. */
export function address(random: Random, kind: NetworkName): string {
  return addressIn(random, random.pick(IPV4[kind]));
}

/** Returns a random IPv4 address in a network, given by its first two or three octets. */
export function addressIn(random: Random, network: string): string {
  const missing = 4 - network.split(".").length;
  const rest = Array.from({ length: missing }, () => random.integer(1, 254));
  return [network, ...rest].join(".");
}

/** Returns the first two octets of an IPv4 address. */
export function getNetworkPrefix(ip: string): string {
  return ip.split(".").slice(0, 2).join(".");
}

/** Returns a random IPv6 /64 for a household. */
export function household(random: Random): string {
  const group = () => random.integer(1, 0xffff).toString(16);
  return `${random.pick(IPV6)}:${group()}:${group()}`;
}

/** Returns an address in the household's prefix with a new interface identifier (RFC 8981). */
export function privacyAddress(random: Random, prefix: string): string {
  const group = () => random.integer(1, 0xffff).toString(16);
  return `${prefix}:${group()}:${group()}:${group()}:${group()}`;
}
