import type { DeclaredNetwork } from "../../config/origin-parameters.ts";
import { canonicalIp } from "../../events/ip-address.ts";
import { bytesOf, IpBlocks } from "../../events/ip-block.ts";
import type { Origin } from "../../events/origin.ts";
import { defined } from "../../events/origin-facts.ts";
import { HOSTING_ASNS } from "./hosting-operators.ts";
import { joinOrigins } from "./join-origins.ts";

/** A source of IP enrichment: one database or several. */
export interface OriginSource {
  /** @param ip an address in its canonical form */
  find(ip: string): Origin | undefined;
}

interface DeclaredBlock {
  readonly length: number;
  readonly origin: Origin;
}

const prefixLength = (block: string) => Number(block.slice(block.indexOf("/") + 1));

const listOf = <Value>(value: Value | readonly Value[] | undefined): readonly Value[] =>
  value === undefined ? [] : ([value].flat() as Value[]);

/**
 * Looks up IP enrichment for addresses: in declared networks first, then the databases, then the list of hosting ASNs.
 */
export class Origins {
  readonly #blocks = new IpBlocks<DeclaredBlock>();
  readonly #byAsn = new Map<number, Origin>();

  /**
   * @param networks the declared networks
   * @param source the databases
   */
  constructor(
    networks: readonly DeclaredNetwork[],
    private readonly source?: OriginSource,
  ) {
    for (const { cidr, asn, country, operator, kind } of networks) {
      const origin = defined({ country, operator, kind }) as Origin;
      for (const block of listOf(cidr)) {
        const [number] = listOf(asn);
        const length = prefixLength(block);
        this.#blocks.set(block, {
          length,
          origin: { ...origin, ...(number !== undefined && { asn: number }) },
        });
      }
      if (cidr === undefined) for (const number of listOf(asn)) this.#byAsn.set(number, origin);
    }
  }

  /**
   * Returns the IP enrichment for an address.
   *
   * @param ip an address. Any other text is ignored.
   * @param given the values in the event itself, which take precedence
   */
  of(ip: string | undefined, given?: Origin): Origin | undefined {
    const address = ip !== undefined && bytesOf(ip) ? canonicalIp(ip) : undefined;
    const declared = address === undefined ? undefined : this.#declared(address);
    const known = address === undefined ? undefined : this.source?.find(address);
    const asn = given?.asn ?? declared?.asn ?? known?.asn;
    const ofOperator = asn === undefined ? undefined : this.#byAsn.get(asn);
    const usual: Origin | undefined =
      asn !== undefined && HOSTING_ASNS.has(asn) ? { kind: "hosting" } : undefined;
    return joinOrigins(given, declared, ofOperator, known, usual);
  }

  #declared(ip: string): Origin | undefined {
    const [longest] = this.#blocks.find(ip).sort((a, b) => b.length - a.length);
    return longest?.origin;
  }
}
