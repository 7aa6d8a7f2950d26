import type { DeclaredNetwork } from "../../config/enrichment-parameters.ts";
import { type EventData, isPlainObject, MAX_EVENT_DATA_BYTES } from "../../events/event-data.ts";
import { canonicalIp } from "../../events/ip-address.ts";
import {
  defined,
  type EnrichmentData,
  type IpEnrichment,
  readEnrichment,
  toEnrichmentData,
} from "../../events/ip-enrichment.ts";
import { IpBlocks, parseAddress } from "../../events/ip-network.ts";
import { getIp, type OAuthEvent } from "../../events/oauth-event.ts";

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

/** Whether a source's value is absent or equals the merged value. */
const agree = <Value>(one: Value | undefined, other: Value | undefined) =>
  one === undefined || one === other;

/**
 * Merges IP enrichment. Each field comes from the first source that has it. Two exceptions: the organization never
 * comes from a source with a different ASN. Latitude and longitude always come from the same source, never one with a
 * different country.
 */
export function joinEnrichment(
  ...sources: readonly (IpEnrichment | undefined)[]
): IpEnrichment | undefined {
  const joined: IpEnrichment = Object.assign({}, ...sources.toReversed());
  const { latitude: _, longitude: __, organization: ___, ...members } = joined;
  const run = sources.find(
    (source) => source?.organization !== undefined && agree(source.asn, members.asn),
  );
  const located = sources.find(
    (source) =>
      source?.latitude !== undefined &&
      source.longitude !== undefined &&
      agree(source.country, members.country),
  );
  const enrichment = {
    ...members,
    ...(run && { organization: run.organization }),
    ...(located && { latitude: located.latitude, longitude: located.longitude }),
  };
  return Object.keys(enrichment).length === 0 ? undefined : enrichment;
}

/** A source of IP enrichment: one database or several. */
export interface EnrichmentSource {
  /** @param ip an address in its canonical form */
  find(ip: string): IpEnrichment | undefined;
}

interface DeclaredBlock {
  readonly length: number;
  readonly enrichment: IpEnrichment;
}

const prefixLength = (block: string) => Number(block.slice(block.indexOf("/") + 1));

const toList = <Value>(value: Value | readonly Value[] | undefined): readonly Value[] =>
  value === undefined ? [] : ([value].flat() as Value[]);

/**
 * Looks up IP enrichment for addresses: in declared networks first, then the databases, then the list of hosting ASNs.
 */
export class IpEnricher {
  readonly #blocks = new IpBlocks<DeclaredBlock>();
  readonly #byAsn = new Map<number, IpEnrichment>();

  /**
   * @param networks the declared networks
   * @param source the databases
   */
  constructor(
    networks: readonly DeclaredNetwork[],
    private readonly source?: EnrichmentSource,
  ) {
    for (const { cidr, asn, country, organization, networkType } of networks) {
      const enrichment: IpEnrichment = defined({ country, organization, networkType });
      for (const block of toList(cidr)) {
        const [number] = toList(asn);
        const length = prefixLength(block);
        this.#blocks.set(block, {
          length,
          enrichment: { ...enrichment, ...(number !== undefined && { asn: number }) },
        });
      }
      if (cidr === undefined) for (const number of toList(asn)) this.#byAsn.set(number, enrichment);
    }
  }

  /**
   * Returns the IP enrichment for an address.
   *
   * @param ip an address. Any other text is ignored.
   * @param given the values in the event itself, which take precedence
   */
  of(ip: string | undefined, given?: IpEnrichment): IpEnrichment | undefined {
    const address = ip !== undefined && parseAddress(ip) ? canonicalIp(ip) : undefined;
    const declared = address === undefined ? undefined : this.#declared(address);
    const known = address === undefined ? undefined : this.source?.find(address);
    const asn = given?.asn ?? declared?.asn ?? known?.asn;
    const ofOperator = asn === undefined ? undefined : this.#byAsn.get(asn);
    const usual: IpEnrichment | undefined =
      asn !== undefined && HOSTING_ASNS.has(asn) ? { networkType: "hosting" } : undefined;
    return joinEnrichment(given, declared, ofOperator, known, usual);
  }

  #declared(ip: string): IpEnrichment | undefined {
    const [longest] = this.#blocks.find(ip).sort((a, b) => b.length - a.length);
    return longest?.enrichment;
  }
}

/** Adds IP enrichment to event data. Keeps other members of the same objects, such as `geo.city_name`. */
function mergeMembers(data: EventData, enrichment: EnrichmentData): EventData {
  const members = Object.entries(enrichment).map(([name, value]) => {
    const given = data[name];
    return [name, isPlainObject(value) && isPlainObject(given) ? { ...given, ...value } : value];
  });
  return { ...data, ...Object.fromEntries(members) };
}

/**
 * Adds IP enrichment for the event's address. Values already in the event take precedence. Returns the event unchanged
 * if nothing is known about the address or if the event would become too large.
 */
export function addEnrichment(event: OAuthEvent, enricher: IpEnricher): OAuthEvent {
  const enrichment = enricher.of(getIp(event), readEnrichment(event.event_data));
  if (enrichment === undefined) return event;
  const event_data = mergeMembers(event.event_data, toEnrichmentData(enrichment));
  const bytes = Buffer.byteLength(JSON.stringify(event_data));
  return bytes > MAX_EVENT_DATA_BYTES ? event : { ...event, event_data };
}
