import type { MonitoringConfigInput } from "../../../shared/config/monitoring-config.ts";

type Network = NonNullable<NonNullable<MonitoringConfigInput["ipEnrichment"]>["networks"]>[number];

/**
 * IP enrichment for the addresses in `networks.ts`. All users and partners are in one country, and only attackers come
 * from a different country. AS numbers are reserved for documentation (RFC 5398).
 */
export const DEMO_NETWORKS: readonly Network[] = [
  {
    cidr: ["10.0.0.0/10", "10.96.0.0/14"],
    country: "DE",
    asn: 64496,
    organization: "Example Telecom",
  },
  { cidr: "10.64.0.0/11", country: "DE", asn: 64497, organization: "Example Cable" },
  { cidr: "100.64.0.0/10", country: "DE", asn: 64498, organization: "Example Mobile" },
  {
    cidr: ["10.100.0.0/14", "10.104.0.0/13", "10.112.0.0/12", "10.128.0.0/11"],
    country: "DE",
    asn: 64499,
    organization: "Example Business Lines",
  },
  {
    cidr: "172.16.0.0/12",
    country: "IE",
    asn: 64500,
    organization: "Example Cloud",
    networkType: "hosting",
  },
  {
    cidr: "10.160.0.0/11",
    country: "NL",
    asn: 64501,
    organization: "Example Servers",
    networkType: "hosting",
  },
  {
    cidr: "10.192.0.0/10",
    country: "SG",
    asn: 64502,
    organization: "Example VPN",
    networkType: "vpn",
  },
];
