import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, toInstant } from "../../core/clock.ts";
import { getOperator, isOperator } from "../../events/ip-enrichment.ts";
import { type Anomaly, type AnomalyRule, formatWindow } from "./anomaly-rule.ts";
import {
  countWithin,
  type DetectionSnapshot,
  getComparableLocations,
  type KnownNetwork,
  type SubjectCount,
  splitValue,
} from "./detection-snapshot.ts";
import {
  describeNovelty,
  formatEnrichment,
  NOVELTY_POINTS,
  toEnrichmentEvidence,
} from "./location-novelty.ts";
import { summariseHabits } from "./party.ts";
import type { SeenEvent } from "./seen-event.ts";

/** How far back to judge uses. */
const RECENT_MS = 2 * HOUR_MS;
/**
 * Time during which a network counts as new. Long enough to see whether even a rarely used service still uses its old
 * network.
 */
const NOVELTY_MS = 6 * HOUR_MS;
/** Time after which a service that moves has stopped using its old networks. */
const MOVED_AFTER_MS = 20 * MINUTE_MS;

interface Location {
  readonly clientId: string;
  /** The operator if known, otherwise the network. */
  readonly network: string;
  readonly agent: string;
  readonly uses: number;
  readonly firstMs: number;
}

function getLocations(counts: readonly SubjectCount[], fromMs: number, nowMs: number): Location[] {
  return counts.flatMap((each) => {
    const uses = countWithin(each, fromMs, nowMs);
    if (uses === 0) return [];
    const [network, agent] = splitValue(each.value);
    const firstMs = Math.min(...[...each.minutes.keys()].filter((at) => at >= fromMs));
    return [{ clientId: each.clientId, network, agent, uses, firstMs }];
  });
}

/**
 * Minimum tokens per machine for behaviour to be unusual. Build jobs run on one machine each. A thief has a single
 * machine that keeps requesting tokens.
 */
const TOKENS_A_MACHINE = 3;
/**
 * Behaviour is unusual if each token is used at least this many times less than usual, as when a token is requested for
 * every call.
 */
const LESS_OFTEN = 5;

/** Whether an event came from a network or, if `location` is an operator, from any of the operator's networks. */
const isIn = ({ network, enrichment }: SeenEvent, location: string) =>
  location === (isOperator(location) ? getOperator(enrichment) : network);

interface Behaviour {
  readonly there: { readonly tokens: number; readonly uses: number; readonly machines: number };
  /** Uses per token in the client's own networks. */
  readonly usual: number;
}

/** Returns how a client without users uses its tokens in a network, compared with its own networks. */
function describeBehaviour(
  events: readonly SeenEvent[],
  network: string,
  own: readonly KnownNetwork[],
): Behaviour {
  const isOwn = (event: SeenEvent) => own.some((known) => isIn(event, known.network));
  const used = (chosen: readonly SeenEvent[]) => {
    const uses = chosen.filter(({ type }) => type === "token_used");
    return {
      tokens: new Set(uses.map(({ tokenId }) => tokenId)).size,
      uses: uses.length,
      machines: new Set(uses.map(({ ip }) => ip)).size,
    };
  };
  const there = used(events.filter((event) => isIn(event, network)));
  const { tokens, uses } = used(events.filter(isOwn));
  return { there, usual: tokens === 0 ? 0 : uses / tokens };
}

/** Whether a token is requested for each call. That suggests someone who has the secret but not the usual program. */
function isOtherBehaviour({ there, usual }: Behaviour): boolean {
  return (
    there.tokens >= TOKENS_A_MACHINE * there.machines &&
    there.tokens > 0 &&
    (LESS_OFTEN * there.uses) / there.tokens <= usual
  );
}

/** Whether a client without users has used its own networks since `fromMs`. */
function isUsedIn(
  events: readonly SeenEvent[],
  own: readonly KnownNetwork[],
  fromMs: number,
): boolean {
  return events.some(
    (event) =>
      event.type === "token_used" &&
      event.atMs >= fromMs &&
      own.some((known) => isIn(event, known.network)),
  );
}

const NEW_NETWORK_POINTS = {
  newNetwork: 30, // the service is used from a new network
  newAgent: 45, // the service is used by a new program
  continuesAtUsualNetwork: 15, // it is still used where it was, so it hasn't moved
  otherBehaviour: 20, // a token is requested for each call
};

/** Number of days of use after which a network counts as the service's own. */
const OWN_DAYS = 2;

/**
 * Returns the networks or operators that appear in a service's events. If a token is older than the monitoring, the
 * token's network was never recorded as new.
 */
function getKnownNetworks(events: readonly SeenEvent[], beforeMs: number): KnownNetwork[] {
  const found = new Map<string, number[]>();
  for (const { atMs, type, userId, network, enrichment } of events) {
    const location = getOperator(enrichment) ?? network;
    if (type !== "token_used" || userId !== undefined || location === undefined) continue;
    if (atMs < beforeMs) found.set(location, [...(found.get(location) ?? []), atMs]);
  }
  return [...found]
    .filter(([, times]) => new Set(times.map((at) => Math.floor(at / DAY_MS))).size >= OWN_DAYS)
    .map(([network, times]) => ({
      network,
      firstSeenAt: toInstant(Math.min(...times)),
      lastSeenAt: toInstant(Math.max(...times)),
      raised: false,
    }));
}

function judge(
  location: Location,
  snapshot: DetectionSnapshot,
  { maxKnownNetworks, learnDays }: AnomaliesConfig["rules"]["new_network"],
): Anomaly | [] {
  const { nowMs, knownNetworks, clientAgents } = snapshot;
  const { clientId, network, agent, uses, firstMs } = location;
  const fromMs = nowMs - NOVELTY_MS;
  const learnMs = learnDays * DAY_MS;
  const remembered = knownNetworks.get(clientId) ?? [];
  const shown = getKnownNetworks(snapshot.clients.get(clientId) ?? [], fromMs).filter(
    (known) => !remembered.some((each) => each.network === known.network),
  );
  const watched = [...shown, ...remembered].sort((a, b) =>
    a.firstSeenAt < b.firstSeenAt ? -1 : 1,
  );
  const [first] = watched;
  if (first === undefined || nowMs - Date.parse(first.firstSeenAt) < learnMs) return [];
  const comparable = getComparableLocations(watched, network, { nowMs, learnMs });
  const known = comparable ?? [];
  // A network that raised an alert may be an attacker's, so it doesn't count as the client's own.
  const own = known.filter(
    ({ firstSeenAt, raised }) => Date.parse(firstSeenAt) < fromMs && !raised,
  );
  const atOnce = new Set(
    snapshot.serviceNetworks
      .filter((each) => each.clientId === clientId && countWithin(each, fromMs, nowMs) > 0)
      .map((each) => splitValue(each.value)[0]),
  ).size;
  const isNewNetwork =
    comparable?.every(
      (known) => known.network !== network || Date.parse(known.firstSeenAt) >= fromMs,
    ) ?? false;
  const agents = clientAgents.get(clientId) ?? new Map<string, number>();
  const agentSeenMs = agents.get(agent) ?? Number.NEGATIVE_INFINITY;
  const others = [...agents].filter(([each, seenMs]) => each !== agent && seenMs < fromMs);
  const isNewAgent = agent !== "" && agentSeenMs >= fromMs && others.length > 0;
  if (!isNewNetwork && !isNewAgent) return [];
  const events = (snapshot.clients.get(clientId) ?? []).filter(
    ({ userId }) => userId === undefined,
  );
  const there = events.filter((event) => event.atMs >= fromMs && isIn(event, network));
  // A fleet uses several of an operator's networks. A thief uses a single machine.
  const networksThere = new Set(there.map((event) => event.network)).size;
  const isEverywhere = Math.max(own.length, atOnce, networksThere) > maxKnownNetworks;
  // A service that moves stops using its old networks. If a secret leaks, the real service still uses them.
  const continuesAtUsualNetwork =
    snapshot.serviceNetworks.some((each) => {
      const [other, otherAgent] = splitValue(each.value);
      const isOwn =
        own.some((known) => known.network === other) && (otherAgent !== agent || isNewNetwork);
      return (
        each.clientId === clientId &&
        isOwn &&
        countWithin(each, firstMs + MOVED_AFTER_MS, nowMs) > 0
      );
    }) ||
    (isNewNetwork && isUsedIn(events, own, firstMs + MOVED_AFTER_MS));
  const behaviour = describeBehaviour(events, network, own);
  const isOther = isNewNetwork && isOtherBehaviour(behaviour);
  const [latest] = there.slice(-1);
  const habits = summariseHabits(events.filter(({ atMs }) => atMs < firstMs));
  const novelty = latest && isNewNetwork ? describeNovelty(habits, latest) : [];
  const networkText = formatEnrichment(latest?.enrichment) ?? network;
  const score =
    (isNewNetwork && !isEverywhere ? NEW_NETWORK_POINTS.newNetwork : 0) +
    (isNewAgent ? NEW_NETWORK_POINTS.newAgent : 0) +
    (continuesAtUsualNetwork && !isEverywhere ? NEW_NETWORK_POINTS.continuesAtUsualNetwork : 0) +
    (isOther && !isEverywhere ? NEW_NETWORK_POINTS.otherBehaviour : 0) +
    (novelty.length > 0 && !isEverywhere && (continuesAtUsualNetwork || isOther || isNewAgent)
      ? NOVELTY_POINTS
      : 0);
  return {
    subject: { kind: "client", id: clientId },
    message: `${clientId} is used from ${networkText} (${agent || "no user agent"}); usual: ${
      others
        .map(([each]) => each)
        .slice(0, 3)
        .join(", ") || "any program"
    } from ${own
      .map((known) => habits.homes.get(known.network) ?? known.network)
      .slice(0, 3)
      .join(
        ", ",
      )}${isOther ? `. There, ${behaviour.there.tokens} tokens were used ${behaviour.there.uses} times; the usual number is ${behaviour.usual.toFixed(0)} uses per token` : ""}`,
    score,
    observed: uses,
    threshold: 1,
    ...formatWindow(nowMs - RECENT_MS, nowMs),
    evidence: {
      network,
      user_agent: agent,
      is_new_network: isNewNetwork,
      is_new_user_agent: isNewAgent,
      continues_at_usual_network: continuesAtUsualNetwork,
      behaves_differently: isOther,
      known_networks: known.map((each) => each.network),
      ...(latest && toEnrichmentEvidence(habits, latest)),
    },
  };
}

/** Detects a service that is used from a network or with a user agent that it has never used before. */
export const newNetwork: AnomalyRule<AnomaliesConfig["rules"]["new_network"]> = {
  name: "new_network",
  catches:
    "a service's token or secret that is used from a new network, by a new program or with a new usage pattern",
  falsePositives: "a service that starts in a second region, or gets another HTTP library",
  advice:
    "Ask the client's owner. If the service has not moved, rotate its secret and revoke its tokens.",
  examples: "all",
  find: (snapshot, parameters) => {
    const { nowMs } = snapshot;
    const worst = new Map<string, Anomaly>();
    for (const location of getLocations(snapshot.serviceNetworks, nowMs - RECENT_MS, nowMs)) {
      for (const anomaly of [judge(location, snapshot, parameters)].flat()) {
        const key = `${location.clientId} ${location.network}`;
        const before = worst.get(key);
        if (!before || before.score < anomaly.score) worst.set(key, anomaly);
      }
    }
    return [...worst.values()];
  },
};
