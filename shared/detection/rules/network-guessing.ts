import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { HOUR_MS, toInstant } from "../../core/clock.ts";
import { ipBlockSchema } from "../../events/ip-block.ts";
import { NO_CLIENT } from "../../events/oauth-event.ts";
import type { Anomaly, AnomalyRule } from "./anomaly-rule.ts";
import { countWithin, type SubjectCount } from "./detection-snapshot.ts";
import { othersAt } from "./failure-burst.ts";
import { originFacts, originOfAll, placeText } from "./origin-news.ts";

/** Prefix lengths of a neighbourhood: what one hosting customer rents, or the network of one site. */
const PREFIX = { ipv4: 24, ipv6: 48 };
/** Share of the guesses from which one address explains them. */
const OF_ONE = 0.7;
/** Maximum addresses that an incident keeps. */
const MOST_ADDRESSES = 50;

/**
 * Returns the block of an address and its neighbours, such as `203.0.113.0/24`.
 *
 * @param place an address, or the /64 of IPv6 addresses
 */
export function neighboursOf(place: string): string | undefined {
  const [ip = ""] = place.split("/");
  return ipBlockSchema.safeParse(`${ip}/${ip.includes(":") ? PREFIX.ipv6 : PREFIX.ipv4}`).data;
}

/** Credential guesses of the last hour from the addresses of one network. */
export interface NetworkGuesses {
  readonly network: string;
  readonly total: number;
  /** By address, highest count first. */
  readonly addresses: readonly (readonly [ip: string, count: number])[];
  readonly clients: ReadonlyMap<string, number>;
}

/** Returns the credential guesses of the last hour by network, highest count first. */
export function guessesByNetwork(
  guessedIps: readonly SubjectCount[],
  nowMs: number,
): NetworkGuesses[] {
  const networks = new Map<string, { ips: Map<string, number>; clients: Map<string, number> }>();
  for (const each of guessedIps) {
    const count = countWithin(each, nowMs - HOUR_MS, nowMs);
    const network = count === 0 ? undefined : neighboursOf(each.value);
    if (network === undefined) continue;
    const of = networks.get(network) ?? { ips: new Map(), clients: new Map() };
    networks.set(network, of);
    of.ips.set(each.value, (of.ips.get(each.value) ?? 0) + count);
    of.clients.set(each.clientId, (of.clients.get(each.clientId) ?? 0) + count);
  }
  return [...networks]
    .map(([network, { ips, clients }]) => ({
      network,
      total: [...ips.values()].reduce((sum, count) => sum + count, 0),
      addresses: [...ips].sort(([, a], [, b]) => b - a),
      clients,
    }))
    .sort((a, b) => b.total - a.total);
}

/** Detects credential guesses that are spread over the addresses of one network, a few each. */
export const networkGuessing: AnomalyRule<AnomaliesConfig["rules"]["network_guessing"]> = {
  name: "network_guessing",
  catches: "credential guesses from many addresses of one network, a few from each",
  falsePositives: "a fleet in one data centre with a deleted token",
  advice: "Block the network, unless it belongs to a carrier or to you. Find out who rents it.",
  examples: "failures",
  find: ({ guessedIps, addresses: looked, nowMs }, { guesses, addresses: least }) =>
    guessesByNetwork(guessedIps, nowMs).flatMap((each): Anomaly[] => {
      const { network, total, addresses, clients } = each;
      const [first] = addresses;
      if (total < guesses || addresses.length < least || !first) return [];
      if (first[1] >= OF_ONE * total) return [];
      const others = addresses.flatMap(([ip]) => {
        const events = looked.get(ip);
        return events ? [othersAt(events)] : [];
      });
      // If principals are allowed from there too, the network belongs to a carrier or an office.
      const shared = others.filter(({ holders }) => holders > 0).length;
      if (others.length > 0 && shared > others.length / 2) return [];
      const origin = originOfAll(addresses.flatMap(([ip]) => looked.get(ip) ?? []));
      const [client] = [...clients].sort(([, a], [, b]) => b - a)[0] ?? [];
      return [
        {
          subject: { kind: "network", id: network },
          ...(client !== NO_CLIENT && { clientId: client }),
          involved: addresses.slice(0, MOST_ADDRESSES).map(([id]) => ({ kind: "ip", id }) as const),
          message: `${total} credential guesses within an hour from ${addresses.length} addresses of ${placeText({ network, origin })}, at most ${first[1]} from one; the usual number is 0`,
          score: shared === 0 ? 75 : 50,
          observed: total,
          threshold: guesses,
          windowStart: toInstant(nowMs - HOUR_MS),
          windowEnd: toInstant(nowMs),
          evidence: {
            addresses: addresses.length,
            most: addresses.slice(0, 5).map(([ip, count]) => ({ ip, count })),
            guesses_by_client: Object.fromEntries([...clients].slice(0, 20)),
            addresses_where_others_were_let_in: shared,
            ...originFacts(origin),
          },
        },
      ];
    }),
};
