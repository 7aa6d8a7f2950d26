import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { HOUR_MS, toInstant } from "../../core/clock.ts";
import { ipBlockSchema } from "../../events/ip-block.ts";
import { NO_CLIENT } from "../../events/oauth-event.ts";
import type { Anomaly, AnomalyRule } from "./anomaly-rule.ts";
import { countWithin, type SubjectCount } from "./detection-snapshot.ts";
import { othersAt } from "./failure-burst.ts";
import { originFacts, originOfAll, placeText } from "./origin-news.ts";

/**
 * Prefix lengths that group neighbouring addresses: about as many as one hosting customer rents, or one site's network.
 */
const PREFIX = { ipv4: 24, ipv6: 48 };
/** Minimum share of the guesses that must come from one address for it to explain them. */
const OF_ONE = 0.7;
/** Maximum addresses linked to an incident. */
const MOST_ADDRESSES = 50;

/**
 * Returns the address block that contains an address and its neighbours, such as `203.0.113.0/24`.
 *
 * @param place an IPv4 address, or the /64 that contains an IPv6 address
 */
export function neighboursOf(place: string): string | undefined {
  const [ip = ""] = place.split("/");
  return ipBlockSchema.safeParse(`${ip}/${ip.includes(":") ? PREFIX.ipv6 : PREFIX.ipv4}`).data;
}

/** Credential guesses in the last hour from the addresses in one network. */
export interface NetworkGuesses {
  readonly network: string;
  readonly total: number;
  /** Guesses by address, highest count first. */
  readonly addresses: readonly (readonly [ip: string, count: number])[];
  readonly clients: ReadonlyMap<string, number>;
}

/** Returns the last hour's credential guesses by network, highest count first. */
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

const NETWORK_SCORES = {
  stranger: 75, // no call from these addresses was ever allowed
  known: 50, // some principals are also allowed from there
};

/** Detects credential guesses that are spread across the addresses of one network, with only a few from each. */
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
      // If principals are also allowed from these addresses, the network belongs to a carrier or an office.
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
          score: NETWORK_SCORES[shared === 0 ? "stranger" : "known"],
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
