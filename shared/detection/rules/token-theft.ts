import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { DAY_MS, MINUTE_MS } from "../../core/clock.ts";
import { type Anomaly, type AnomalyRule, formatWindow, getSubjects } from "./anomaly-rule.ts";
import type { DetectionSnapshot } from "./detection-snapshot.ts";
import {
  describeNovelty,
  formatEnrichment,
  formatLocation,
  formatUsualLocations,
  NOVELTY_POINTS,
  toEnrichmentEvidence,
} from "./location-novelty.ts";
import { newParties, type Party, strangeAddresses } from "./party.ts";
import { type SeenEvent, toPrincipalSubject } from "./seen-event.ts";

/** Minimum number of uses, and of days, before a principal that only uses one network counts as settled. */
const SETTLED = { events: 20, days: 3 };
/**
 * If at least this many principals each use a token with two user agents, both user agents are usual for the client.
 */
const PEERS = 3;

const THEFT_POINTS = {
  newAgent: 55, // a user agent that is new to the principal
  otherAgent: 25, // a user agent that the principal uses, but not with this token
  newNetwork: 15, // a new network or operator
  newAddress: 5, // a new address of a known network
  settled: 15, // a new network, although the principal always used one
  alternating: 5, // both parties use the token in turn, from two networks
  alternatingOften: 20, // the same at least four times, or with two user agents
  alternatingNearby: 40, // two addresses of one network use it in turn, which a moving user doesn't do
  busy: 15, // far more calls than usual
  newEndpoints: 10, // several endpoints that the principal never called
};

/** Returns the signs that a different person uses the token, with points for each. */
function explainParty(party: Party, isUsualPair: boolean): [points: number, what: string][] {
  const { habits, alternations, othersAgents, agent } = party;
  if (!party.hasOthersToken) return [];
  const isNewNetwork = party.isNewNetwork && !party.isOtherFamily;
  const isOtherAgent = agent !== undefined && othersAgents.size > 0 && !othersAgents.has(agent);
  const isSettled =
    habits.events >= SETTLED.events && habits.days >= SETTLED.days && habits.homes.size === 1;
  const isNewAgent = party.isNewAgent && isOtherAgent && !isUsualPair;
  const [first] = party.uses as [SeenEvent, ...SeenEvent[]];
  const novelty = describeNovelty(habits, first);
  const location = formatEnrichment(first.enrichment) ?? party.network ?? "an unknown network";
  const isBusy = party.rate >= 10 && party.rate >= 3 * party.usualRate;
  const isSameNetwork = party.network === undefined || habits.networks.has(party.network);
  const reasons: [number, string, boolean][] = [
    [THEFT_POINTS.newAgent, `new user agent: ${agent}`, isNewAgent],
    [
      THEFT_POINTS.otherAgent,
      `different user agent: ${agent}`,
      isOtherAgent && !isNewAgent && !isUsualPair,
    ],
    [THEFT_POINTS.newNetwork, `new network: ${location}`, isNewNetwork],
    [
      THEFT_POINTS.newAddress,
      "new address",
      party.isNewIp && !isNewNetwork && !party.isOtherFamily,
    ],
    [
      THEFT_POINTS.settled,
      `always used from one ${habits.operators.size > 0 ? "operator" : "network"} before`,
      isNewNetwork && isSettled,
    ],
    [
      THEFT_POINTS.alternating,
      "both parties use it alternately",
      isNewNetwork && alternations >= 2 && alternations < 4,
    ],
    [
      THEFT_POINTS.alternatingOften,
      "both parties use it alternately",
      alternations >= 4 && (isNewNetwork || isOtherAgent),
    ],
    [
      THEFT_POINTS.alternatingNearby,
      "two addresses of one network use it alternately",
      alternations >= 4 &&
        party.isNewIp &&
        isSameNetwork &&
        !isOtherAgent &&
        !party.isOtherFamily &&
        habits.events >= SETTLED.events &&
        habits.locations.size <= 2,
    ],
    [THEFT_POINTS.busy, "far more calls than usual", isBusy],
    // Travel and VPNs are common, so a new location only adds points if there are other signs.
    [
      NOVELTY_POINTS,
      novelty.join(", "),
      novelty.length > 0 && isNewNetwork && (isOtherAgent || isBusy || alternations >= 4),
    ],
    [
      THEFT_POINTS.newEndpoints,
      `endpoints that were never called before: ${party.newEndpoints.slice(0, 5).join(", ")}`,
      party.newEndpoints.length >= 2 && habits.events >= SETTLED.events,
    ],
  ];
  return reasons.flatMap(([points, what, holds]) => (holds ? [[points, what]] : []));
}

/**
 * Returns the user agents, by client, that usually share a token with a different user agent. At least `PEERS`
 * principals must each have used a token with this and a different user agent, more than a day ago.
 */
function usualPairs({ principals, nowMs }: DetectionSnapshot): ReadonlySet<string> {
  const seen = new Map<string, Set<string>>();
  for (const [principal, events] of principals) {
    const agents = new Map<string, Set<string>>();
    for (const { tokenId, agent, type, atMs, clientId } of events) {
      if (type !== "token_used" || !tokenId || !agent || atMs > nowMs - DAY_MS) continue;
      const key = `${clientId}\n${tokenId}`;
      agents.set(key, (agents.get(key) ?? new Set()).add(agent));
    }
    for (const [key, pair] of agents) {
      if (pair.size < 2) continue;
      for (const agent of pair) {
        const name = `${key.split("\n", 1)[0]}\n${agent}`;
        seen.set(name, (seen.get(name) ?? new Set()).add(principal));
      }
    }
  }
  return new Set([...seen].filter(([, all]) => all.size >= PEERS).map(([name]) => name));
}

function toAnomaly(
  principal: string,
  parties: readonly { readonly party: Party; readonly reasons: [number, string][] }[],
  snapshot: DetectionSnapshot,
  fromMs: number,
): Anomaly | [] {
  const computeScore = (reasons: [number, string][]) =>
    reasons.reduce((sum, [each]) => sum + each, 0);
  const [worst] = [...parties].sort((a, b) => computeScore(b.reasons) - computeScore(a.reasons));
  const score = Math.min(100, worst ? computeScore(worst.reasons) : 0);
  if (!worst || score === 0) return [];
  const { party, reasons } = worst;
  const [first] = party.uses as [SeenEvent, ...SeenEvent[]];
  const [tokenId = ""] = party.tokenIds;
  const principalSubject = toPrincipalSubject(principal);
  const subject = { kind: "token", id: tokenId } as const;
  const userText = principalSubject.kind === "user" ? ` (user ${principalSubject.id})` : "";
  const usual = [...party.othersAgents].slice(0, 3).join(", ") || "unknown user agents";
  return {
    subject,
    clientId: first.clientId,
    involved: [
      ...(principalSubject.kind === "user" ? [principalSubject] : []),
      ...strangeAddresses(party.uses, party.habits),
      ...getSubjects("token", party.tokenIds),
    ],
    message: `Possible token theft: token ${tokenId}${userText} made ${party.uses.length} calls from ${formatLocation(first)} (${party.agent ?? "no user agent"}); usual: ${usual} from ${formatUsualLocations(party.habits)}`,
    score,
    observed: party.uses.length,
    threshold: 1,
    ...formatWindow(fromMs, snapshot.nowMs),
    evidence: {
      why: reasons.map(([, what]) => what),
      usual_networks: [...party.habits.networks].slice(0, 10),
      usual_user_agents: [...party.habits.agents].slice(0, 10),
      changes_between: party.alternations,
      ...toEnrichmentEvidence(party.habits, first),
    },
  };
}

/** Detects a token that is used by someone other than its principal. */
export const tokenTheft: AnomalyRule<AnomaliesConfig["rules"]["token_theft"]> = {
  name: "token_theft",
  catches:
    "a token or session that a second party uses, with a user agent or network that is new to its principal, alternately with the principal or after them",
  falsePositives:
    "a program that passes its token to another program for the first time; a user who starts to switch networks often",
  advice: "Revoke the token, end the user's sessions, and ask the user to sign in again.",
  examples: "all",
  find: (snapshot, { windowMinutes }) => {
    const fromMs = snapshot.nowMs - windowMinutes * MINUTE_MS;
    const usual = usualPairs(snapshot);
    return [...snapshot.principals].flatMap(([principal, events]) => {
      const parties = newParties(events, fromMs).map((party) => {
        const [first] = party.uses;
        const isUsualPair = usual.has(`${first?.clientId}\n${party.agent}`);
        return { party, reasons: explainParty(party, isUsualPair) };
      });
      return toAnomaly(principal, parties, snapshot, fromMs);
    });
  },
};
