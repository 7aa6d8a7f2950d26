import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { HOUR_MS, MINUTE_MS } from "../../core/clock.ts";
import { type Anomaly, type AnomalyRule, formatWindow, getSubjects } from "./anomaly-rule.ts";
import {
  describeNovelty,
  formatEnrichment,
  formatLocation,
  isElsewhere,
  NOVELTY_POINTS,
  toEnrichmentEvidence,
  wasAt,
} from "./location-novelty.ts";
import {
  countAlternations,
  hasNewAgent,
  isOtherFamily,
  newParties,
  type Party,
  strangeAddresses,
  summariseHabits,
} from "./party.ts";
import { type SeenEvent, toPrincipalSubject } from "./seen-event.ts";

const FOREIGN_SESSION_POINTS = {
  base: 30, // other principals' sessions, as often as configured
  newNetwork: 15, // the network is new to the principal
  newAgent: 25, // the user agent is new to the principal
  several: 15, // different sessions, not one that two users of a browser share
};

/** Detects a principal that presents other users' sessions. */
export const foreignSessions: AnomalyRule<AnomaliesConfig["rules"]["foreign_sessions"]> = {
  name: "foreign_sessions",
  catches: "a principal that presents stolen or guessed sessions with its own token",
  falsePositives:
    "a browser that two users share, which sends one user's session with the other user's token",
  advice: "Block the address, revoke the token, and end the sessions of the users at that address.",
  examples: "failures",
  find: ({ principals, nowMs }, { denials }) => {
    const fromMs = nowMs - HOUR_MS;
    return [...principals].flatMap(([principal, events]): Anomaly | [] => {
      const recent = events.filter(({ atMs }) => atMs >= fromMs);
      const foreign = recent.filter(({ reason }) => reason === "foreign_session");
      const [first] = foreign;
      const last = foreign.at(-1);
      if (!first || !last || foreign.length < denials) return [];
      const habits = summariseHabits(
        events.filter(({ atMs, tokenId }) => atMs < first.atMs && tokenId !== first.tokenId),
      );
      const isNewNetwork = habits.events > 0 && isElsewhere(habits, first);
      const isNewAgent = hasNewAgent(habits, first);
      // An ended session is unknown and never becomes valid again, so an unknown session from before the last foreign
      // one must be a different session.
      const isSeveral = recent.some(
        ({ reason, atMs }) => reason === "unknown_session" && atMs < last.atMs,
      );
      const subject = toPrincipalSubject(principal);
      const tokens = new Set(foreign.flatMap(({ tokenId }) => tokenId ?? []));
      return {
        subject,
        clientId: first.clientId,
        involved: [...strangeAddresses(foreign, habits), ...getSubjects("token", tokens)],
        message: `${subject.kind} ${subject.id} presented other principals' sessions ${foreign.length} times within an hour, from ${formatLocation(first)} (${first.agent ?? "no user agent"})`,
        score:
          FOREIGN_SESSION_POINTS.base +
          (isNewNetwork ? FOREIGN_SESSION_POINTS.newNetwork : 0) +
          (isNewAgent ? FOREIGN_SESSION_POINTS.newAgent : 0) +
          (isSeveral ? FOREIGN_SESSION_POINTS.several : 0),
        observed: foreign.length,
        threshold: denials,
        ...formatWindow(fromMs, nowMs),
        evidence: {
          is_new_network: isNewNetwork,
          is_new_user_agent: isNewAgent,
          several_sessions: isSeveral,
          ...toEnrichmentEvidence(habits, first),
        },
      };
    });
  },
};

/** Maximum pause between uses of two sessions that count as concurrent. */
const AT_ONCE_MS = 30 * MINUTE_MS;
/** Minimum number of events, and of days, for a user's habits to be known. */
const KNOWN = { events: 20, days: 3 };

/** Whether a user agent is a script. Unlike a browser or an app, a script names no platform. */
const isScript = (agent: string) => !agent.includes(" on ");

/** Returns the operator that a use came from if known, otherwise the network. */
const getLocationName = ({ enrichment, network = "" }: SeenEvent) =>
  formatEnrichment(enrichment) ?? network;

const APART_POINTS = {
  newNetwork: 15, // a new network while the user is active elsewhere
  newAgent: 15, // a new user agent
  newScript: 10, // a script, although the user never used one
  alternating: 5, // both sessions are used in turn
  alternatingOften: 20, // the same, at least four times
  oneApp: 10, // one app is used in two networks in turn
  settled: 10, // the user always used one network before
  busy: 15, // far more calls than usual
  newEndpoints: 10, // several endpoints that the user never called
};

interface Apart {
  readonly party: Party;
  /** Uses from the user's usual networks while the party is active. */
  readonly concurrent: readonly SeenEvent[];
  readonly reasons: readonly (readonly [points: number, what: string])[];
  readonly score: number;
}

/** Returns the signs that a different person has a separate session while the user is still active. */
function findDistance(party: Party, events: readonly SeenEvent[]): Apart | undefined {
  const { habits, uses, agent, network } = party;
  const [first] = uses;
  const last = uses.at(-1);
  // If someone else used the token first, `token_theft` covers it.
  if (!first || !last || party.hasOthersToken || !party.isNewNetwork) return undefined;
  if (isOtherFamily(first, habits) || habits.days < KNOWN.days) return undefined;
  const used = events.filter(({ type }) => type === "token_used");
  const isPartys = (use: SeenEvent) => use.network === network && use.agent === agent;
  const concurrent = used.filter(
    (use) =>
      !isPartys(use) &&
      wasAt(habits, use) &&
      use.atMs >= first.atMs - AT_ONCE_MS &&
      use.atMs <= last.atMs + AT_ONCE_MS,
  );
  if (concurrent.length === 0) return undefined;
  const around = used.filter((use) => isPartys(use) || wasAt(habits, use));
  const alternations = countAlternations(around, isPartys);
  const known = [...habits.agents];
  const novelty = describeNovelty(habits, first);
  const isOneApp = concurrent.some((use) => use.agent === agent && use.clientId === first.clientId);
  const isNewScript =
    party.isNewAgent && agent !== undefined && isScript(agent) && !known.some(isScript);
  const reasons: [number, string, boolean][] = [
    [
      APART_POINTS.newNetwork,
      `new network: ${getLocationName(first)}, while the user is active in ${concurrent.slice(0, 1).map(getLocationName)}`,
      true,
    ],
    [NOVELTY_POINTS, novelty.join(", "), novelty.length > 0],
    [APART_POINTS.newAgent, `new user agent: ${agent}`, party.isNewAgent],
    [
      APART_POINTS.newScript,
      "the user agent is a script, and the user never used one before",
      isNewScript,
    ],
    [
      APART_POINTS.alternating,
      "both sessions are used alternately",
      alternations >= 2 && alternations < 4,
    ],
    [APART_POINTS.alternatingOften, "both sessions are used alternately", alternations >= 4],
    [APART_POINTS.oneApp, "one app is used in two networks at once", alternations >= 4 && isOneApp],
    [APART_POINTS.settled, "the user always used one network before", habits.homes.size === 1],
    [
      APART_POINTS.busy,
      "far more calls than usual",
      party.rate >= 10 && party.rate >= 3 * party.usualRate,
    ],
    [
      APART_POINTS.newEndpoints,
      `endpoints that were never called before: ${party.newEndpoints.slice(0, 5).join(", ")}`,
      party.newEndpoints.length >= 2 && habits.events >= KNOWN.events,
    ],
  ];
  const reasonsThatHold = reasons.flatMap(([points, what, holds]) =>
    holds ? [[points, what] as const] : [],
  );
  return {
    party,
    concurrent,
    reasons: reasonsThatHold,
    score: computeScore(reasonsThatHold, isNewScript),
  };
}

/** Score at which a concurrent session is reported regardless of the user agent. */
const STRONG = 70;
/**
 * Maximum score for weaker cases, because phones change networks. Other findings about the user, such as unusual hours,
 * can add to this score.
 */
const WEAK = 35;

function computeScore(reasons: Apart["reasons"], isNewScript: boolean): number {
  const score = reasons.reduce((sum, [points]) => sum + points, 0);
  return isNewScript || score >= STRONG ? Math.min(100, score) : Math.min(WEAK, score);
}

/**
 * Detects that a user has a new session in a new network while the user's other sessions are active in usual networks.
 */
export const sessionsApart: AnomalyRule<AnomaliesConfig["rules"]["sessions_apart"]> = {
  name: "sessions_apart",
  catches:
    "a second party that signed in as a user, or refreshed a stolen token, while the user is active elsewhere",
  falsePositives: "a user with a new phone in a new network, whose computer is still in use",
  advice:
    "Ask the user whether both sessions are theirs. If not, end all sessions and reset the user's credentials.",
  examples: "all",
  find: ({ principals, nowMs }, { windowMinutes }) => {
    const fromMs = nowMs - windowMinutes * MINUTE_MS;
    return [...principals].flatMap(([principal, events]): Anomaly | [] => {
      if (!principal.startsWith("user:")) return [];
      const [worst] = newParties(events, fromMs, { isNovelAtSignIn: true })
        .flatMap((party) => findDistance(party, events) ?? [])
        .sort((a, b) => b.score - a.score);
      if (!worst) return [];
      const { party, concurrent, reasons, score } = worst;
      const subject = toPrincipalSubject(principal);
      return {
        subject,
        clientId: party.uses[0]?.clientId,
        involved: [
          ...strangeAddresses(party.uses, party.habits),
          ...getSubjects("token", party.tokenIds),
        ],
        message: `User ${subject.id} has two concurrent sessions: one from ${party.uses.slice(0, 1).map(formatLocation)} (${party.agent ?? "no user agent"}), a network that is new to the user, and one from ${concurrent[0]?.ip} (${concurrent[0]?.agent ?? "no user agent"})`,
        score,
        observed: party.uses.length,
        threshold: 1,
        ...formatWindow(fromMs, nowMs),
        evidence: {
          why: reasons.map(([, what]) => what),
          usual_networks: [...party.habits.networks].slice(0, 10),
          usual_user_agents: [...party.habits.agents].slice(0, 10),
          ...(party.uses[0] && toEnrichmentEvidence(party.habits, party.uses[0])),
        },
      };
    });
  },
};
