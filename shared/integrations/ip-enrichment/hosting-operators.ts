/**
 * Autonomous systems of the largest cloud and hosting companies. With this list, a free ASN table is enough to detect
 * hosting. Declared networks and databases take precedence.
 */
export const HOSTING_ASNS: ReadonlySet<number> = new Set([
  // Amazon Web Services, Google Cloud, Microsoft, Oracle, Alibaba, Tencent
  14618, 16509, 396982, 8075, 31898, 45102, 132203,
  // DigitalOcean, Hetzner, OVH, Linode, Vultr, Scaleway, Contabo, IONOS, netcup
  14061, 24940, 16276, 63949, 20473, 12876, 51167, 8560, 197540,
  // Leaseweb, M247, Datacamp, ColoCrossing, FranTech, Clouvider
  60781, 9009, 212238, 36352, 53667, 62240,
]);
