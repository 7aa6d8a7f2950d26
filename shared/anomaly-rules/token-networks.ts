import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import { MINUTE_MS, toInstant } from "../time/clock.ts";
import type { AnomalyRule } from "./anomaly-rule.ts";
import { countWithin, splitValue } from "./detection-snapshot.ts";

/** A token that is used from several networks within minutes: several parties hold it. */
export const tokenNetworks: AnomalyRule<AnomaliesConfig["rules"]["token_networks"]> = {
  name: "token_networks",
  catches: "a stolen token that its owner still uses",
  falsePositives:
    "traffic through rotating proxies, private relays or the many outgoing addresses of a cloud",
  advice: "Revoke the token and ask its user to sign in again.",
  examples: "all",
  find: ({ networks, nowMs }, { windowMinutes, networks: threshold }) => {
    const fromMs = nowMs - windowMinutes * MINUTE_MS;
    const tokens = new Map<string, { clientId: string; networks: Map<string, number> }>();
    for (const each of networks) {
      const changes = countWithin(each, fromMs, nowMs);
      if (changes === 0) continue;
      const [network, tokenId] = splitValue(each.value);
      const token = tokens.get(tokenId) ?? { clientId: each.clientId, networks: new Map() };
      token.networks.set(network, changes);
      tokens.set(tokenId, token);
    }
    return [...tokens]
      .filter(([, token]) => token.networks.size >= threshold)
      .map(([tokenId, { clientId, networks: seen }]) => ({
        subject: { kind: "token", id: tokenId } as const,
        clientId,
        message: `Token ${tokenId} was used from ${seen.size} networks within ${windowMinutes} minutes`,
        observed: seen.size,
        threshold,
        windowStart: toInstant(fromMs),
        windowEnd: toInstant(nowMs),
        evidence: { changes_to_network: Object.fromEntries(seen) },
      }));
  },
};
