import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import { DAY_MS, HOUR_MS, toInstant } from "../time/clock.ts";
import type { AnomalyRule } from "./anomaly-rule.ts";
import { countWithin } from "./detection-snapshot.ts";

/** A service that always used the same few networks is used from another one. */
export const newNetwork: AnomalyRule<AnomaliesConfig["rules"]["new_network"]> = {
  name: "new_network",
  catches: "a service's token or secret that is used from another place",
  falsePositives: "a service that moves to another host or region",
  advice:
    "Ask the client's owner; if they have not moved, rotate its secret and revoke its tokens.",
  examples: "all",
  find: ({ serviceNetworks, knownNetworks, nowMs }, { maxKnownNetworks, learnDays }) => {
    const fromMs = nowMs - HOUR_MS;
    const found = new Map<string, { clientId: string; network: string; uses: number }>();
    for (const each of serviceNetworks) {
      const uses = countWithin(each, fromMs, nowMs);
      const known = knownNetworks.get(each.clientId) ?? [];
      const [first] = known;
      const learnt =
        first !== undefined && nowMs - Date.parse(first.firstSeenAt) >= learnDays * DAY_MS;
      const network = each.value;
      const old = known.some(
        (one) => one.network === network && Date.parse(one.firstSeenAt) < fromMs,
      );
      // A network that raised an alert may be an attacker's. It does not count as one of the client's own.
      const established = known.filter(
        ({ firstSeenAt, raised }) => Date.parse(firstSeenAt) < fromMs && !raised,
      );
      if (uses === 0 || old || !learnt || established.length > maxKnownNetworks) continue;
      const key = `${each.clientId} ${network}`;
      const before = found.get(key)?.uses ?? 0;
      found.set(key, { clientId: each.clientId, network, uses: before + uses });
    }
    return [...found.values()].map(({ clientId, network, uses }) => ({
      subject: { kind: "client", id: clientId } as const,
      message: `${clientId} is used from ${network}, where it never was before`,
      observed: uses,
      threshold: 1,
      windowStart: toInstant(fromMs),
      windowEnd: toInstant(nowMs),
      evidence: {
        network,
        known_networks: (knownNetworks.get(clientId) ?? []).map((one) => one.network),
      },
    }));
  },
};
