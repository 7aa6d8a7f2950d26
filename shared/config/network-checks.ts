import { countryCode } from "../events/ip-enrichment.ts";
import { ipBlockSchema } from "../events/ip-network.ts";
import type { DeclaredNetwork, EnrichmentParameters } from "./enrichment-parameters.ts";

type Report = (path: (string | number)[], message: string) => void;

function checkBlock(block: string, path: (string | number)[], report: Report): void {
  const { error } = ipBlockSchema.safeParse(block);
  if (error) report(path, `${JSON.stringify(block)}: ${error.issues[0]?.message}`);
}

function checkNetwork(network: DeclaredNetwork, report: Report): void {
  const { cidr, asn, country, organization, networkType } = network;
  if (cidr === undefined && asn === undefined) {
    report([], "a network needs cidr or asn. Set one of them");
  } else if (cidr !== undefined && Array.isArray(asn)) {
    report(
      ["asn"],
      "a network with cidr can have only one asn. Declare a network for each asn, or remove cidr",
    );
  } else if (
    ![country, organization, networkType, cidr && asn].some((member) => member !== undefined)
  ) {
    report(
      [],
      "the network does not describe its addresses. Add country, organization or networkType",
    );
  }
  for (const block of [cidr ?? []].flat()) checkBlock(block, ["cidr"], report);
  if (country !== undefined && countryCode(country) !== country) {
    report(["country"], `unknown country code ${country}. Use an ISO 3166-1 code such as DE`);
  }
}

/**
 * Checks declared networks at synth, so that the functions need no parser for them.
 *
 * @param report called with the path within `ipEnrichment` and the mistake
 */
export function checkEnrichment({ networks }: EnrichmentParameters, report: Report): void {
  for (const [index, network] of networks.entries()) {
    checkNetwork(network, (path, message) => report(["networks", index, ...path], message));
  }
}

/**
 * Checks the networks that are exempt from policies, at synth.
 *
 * @param report called with the path within `responses` and the mistake
 */
export function checkAllowedNetworks(
  { allow }: { readonly allow: { readonly networks: readonly string[] } },
  report: Report,
): void {
  for (const [index, block] of allow.networks.entries()) {
    checkBlock(block, ["allow", "networks", index], report);
  }
}
