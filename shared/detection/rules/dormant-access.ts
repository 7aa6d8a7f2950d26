import { DORMANT_AFTER_DAYS } from "../../audit-log/event-counts.ts";
import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { DAY_MS, HOUR_MS } from "../../core/clock.ts";
import { isOperator } from "../../events/ip-enrichment.ts";
import { type AnomalyRule, formatWindow } from "./anomaly-rule.ts";
import { countWithin, splitValue } from "./detection-snapshot.ts";
import {
  formatLocation,
  getNoveltyPoints,
  toEnrichmentEvidence,
  wasAt,
} from "./location-novelty.ts";
import { computeRate, hasNewAgent, strangeAddresses, summariseHabits } from "./party.ts";

const DORMANT_POINTS = {
  base: 15, // a use after days without use
  unknownHabits: 30, // the same, if the earlier events have expired
  busy: 20, // as many uses within an hour as configured
  faster: 15, // busy, and at least three times as fast as before
  newAgent: 30, // the user agent is new
  newNetwork: 25, // the network is new
};

/** Detects a token that hasn't been used for days and is now used by someone else, or heavily. */
export const dormantToken: AnomalyRule<AnomaliesConfig["rules"]["dormant_token"]> = {
  name: "dormant_token",
  catches: "a forgotten long-lived token that is used again, from elsewhere or heavily",
  falsePositives: "a weekly or monthly job that has moved",
  advice: "Ask the client's owner. Give tokens a shorter lifetime.",
  examples: "all",
  find: ({ dormantTokens, principals, nowMs }, { uses: threshold }) =>
    dormantTokens.flatMap((each) => {
      const all = principals.get(`token:${each.value}`) ?? [];
      const recent = all.filter(
        ({ atMs, type }) => atMs >= nowMs - 2 * HOUR_MS && type === "token_used",
      );
      const uses = recent.filter(({ atMs }) => atMs >= nowMs - HOUR_MS).length;
      const [first] = recent;
      if (!first || countWithin(each, nowMs - 2 * HOUR_MS, nowMs) === 0) return [];
      const before = all.filter(({ atMs }) => atMs < first.atMs);
      const habits = summariseHabits(before);
      const isFaster =
        computeRate(recent) >= 3 * computeRate(before.filter(({ type }) => type === "token_used"));
      const isKnown = habits.events > 0;
      // Earlier events may have expired. In that case, the rule compares only the previous network and the number of
      // calls.
      const isNewNetwork = isKnown
        ? !wasAt(habits, first)
        : first.previousNetwork !== undefined && first.previousNetwork !== first.network;
      const isNewAgent = hasNewAgent(habits, first);
      const score =
        DORMANT_POINTS[isKnown ? "base" : "unknownHabits"] +
        (uses >= threshold ? DORMANT_POINTS.busy : 0) +
        (isKnown && uses >= threshold && isFaster ? DORMANT_POINTS.faster : 0) +
        (isNewAgent ? DORMANT_POINTS.newAgent : 0) +
        (isNewNetwork ? DORMANT_POINTS.newNetwork : 0) +
        (isKnown ? getNoveltyPoints(habits, first) : 0);
      return {
        subject: { kind: "token", id: each.value } as const,
        clientId: each.clientId,
        involved: strangeAddresses([first], habits),
        message: `Token ${each.value} was used ${uses} times within an hour from ${formatLocation(first)} (${first.agent ?? "no user agent"}), after at least ${DORMANT_AFTER_DAYS} days without use`,
        score,
        observed: uses,
        threshold,
        ...formatWindow(nowMs - HOUR_MS, nowMs),
        evidence: {
          is_new_network: isNewNetwork,
          is_new_user_agent: isNewAgent,
          usual_networks: [...habits.networks].slice(0, 10),
          ...toEnrichmentEvidence(habits, first),
        },
      };
    }),
};

/** Uses within this period before now belong to the same burst. */
const SAME_BURST_MS = 2 * HOUR_MS;

const IDLE_POINTS = {
  base: 20, // a busy hour after days without use
  newNetwork: 25, // from a network or operator that is new to the client
  newAgent: 30, // with a user agent that is new to the client
};

/** Detects a service that was idle for days and is now busy, from a new network or with a new user agent. */
export const idleClient: AnomalyRule<AnomaliesConfig["rules"]["idle_client"]> = {
  name: "idle_client",
  catches: "a forgotten service whose secret leaked: idle for days, then busy from elsewhere",
  falsePositives: "a monthly job that has moved or was rewritten",
  advice: "Ask the client's owner. If it has no owner, disable it and rotate its secret.",
  examples: "all",
  find: (
    { uses, serviceNetworks, knownNetworks, clientAgents, nowMs },
    { uses: minUses, idleDays },
  ) => {
    const idleFromMs = nowMs - idleDays * DAY_MS;
    const burstFromMs = nowMs - SAME_BURST_MS;
    return uses.flatMap(({ clientId, lastHour, hours }) => {
      const times = [...hours.keys()].filter((hour) => hour < burstFromMs - HOUR_MS);
      const known = knownNetworks.get(clientId) ?? [];
      // Known networks go back further than the counters that are compared.
      const firstMs = Math.min(...times, ...known.map((each) => Date.parse(each.firstSeenAt)));
      const wasBusy = times.some((hour) => hour >= idleFromMs);
      if (lastHour < minUses || wasBusy || firstMs >= idleFromMs) return [];
      const locations = serviceNetworks
        .filter((each) => each.clientId === clientId && countWithin(each, burstFromMs, nowMs) > 0)
        .map(({ value }) => splitValue(value));
      // If operators only became known while the service was idle, there is nothing to compare them with.
      const before = known.filter((each) => Date.parse(each.firstSeenAt) < burstFromMs);
      const isKnown = (network: string) =>
        before.some((each) => each.network === network) ||
        (before.length > 0 &&
          !before.some((each) => isOperator(each.network) === isOperator(network)));
      const agents = clientAgents.get(clientId) ?? new Map<string, number>();
      const newNetworks = locations.filter(([network]) => !isKnown(network));
      const newAgents = locations.filter(
        ([, agent]) => agent !== "" && (agents.get(agent) ?? nowMs) >= burstFromMs,
      );
      const score =
        IDLE_POINTS.base +
        (newNetworks.length > 0 ? IDLE_POINTS.newNetwork : 0) +
        (newAgents.length > 0 && agents.size > 1 ? IDLE_POINTS.newAgent : 0);
      const [location] = [...newNetworks, ...newAgents];
      return {
        subject: { kind: "client", id: clientId } as const,
        message: `${clientId} was used ${lastHour} times within an hour after at least ${idleDays} days without use${location ? `, from ${location[0]} (${location[1] || "no user agent"}); the network or program is new to the client` : ""}`,
        score,
        observed: lastHour,
        threshold: minUses,
        ...formatWindow(burstFromMs, nowMs),
        evidence: {
          new_networks: newNetworks.map(([network]) => network).slice(0, 10),
          new_user_agents: newAgents.map(([, agent]) => agent).slice(0, 10),
          known_networks: known.map(({ network }) => network).slice(0, 10),
        },
      };
    });
  },
};
