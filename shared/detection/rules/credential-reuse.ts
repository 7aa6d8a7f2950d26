import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, toInstant } from "../../core/clock.ts";
import {
  type Anomaly,
  type AnomalyRule,
  type AnomalySubject,
  getSubjects,
} from "./anomaly-rule.ts";
import { countWithin } from "./detection-snapshot.ts";
import {
  formatLocation,
  getNoveltyPoints,
  isElsewhere,
  toEnrichmentEvidence,
} from "./location-novelty.ts";
import {
  hasNewAgent,
  isOtherFamily,
  newParties,
  type Party,
  strangeAddresses,
  summariseHabits,
} from "./party.ts";
import { type SeenEvent, toPrincipalSubject } from "./seen-event.ts";

/** Time after a denied call during which the principal stays a candidate. */
const JUST_NOW_MS = 10 * MINUTE_MS;

/** How far back from the reuse to look for someone who used the credential first. */
const FIRST_WITHIN_MS = DAY_MS;

const REUSE_SCORES = {
  base: 60, // a principal with known habits, and a party that differs from them
  newNetwork: 10, // points if that party's network is new
  newAgent: 20, // points if that party's user agent is new
  unknownHabits: 50, // a principal without earlier events
  client: 50, // denials that belong to no known principal
};

/**
 * Returns a stranger who used the credential before the principal did: a party with a new token and a new network or
 * user agent.
 */
function strangerBefore(events: readonly SeenEvent[], reuse: SeenEvent): Party | undefined {
  const before = events.filter(({ atMs }) => atMs < reuse.atMs);
  return newParties(before, reuse.atMs - FIRST_WITHIN_MS, { isNovelAtSignIn: true }).find(
    (party) =>
      !party.hasOthersToken &&
      (party.isNewNetwork || party.isNewAgent) &&
      !isOtherFamily(party.uses[0] ?? reuse, party.habits) &&
      (party.network !== reuse.network || party.agent !== reuse.agent),
  );
}

/** Detects a one-time credential that is presented twice (RFC 6749, section 4.1.2; RFC 9700, section 4.14). */
export const credentialReuse: AnomalyRule<AnomaliesConfig["rules"]["credential_reuse"]> = {
  name: "credential_reuse",
  catches: "two parties that present the same authorization code or rotated refresh token",
  falsePositives:
    "a client without users that repeats a token request because the response was lost",
  advice: "Revoke the tokens that were issued for the credential, as RFC 6749 requires.",
  examples: "failures",
  find: ({ failedReasons, principals, nowMs }, { reasons }) => {
    const fromMs = nowMs - HOUR_MS;
    const explained = new Map<string, number>();
    const window = { windowStart: toInstant(fromMs), windowEnd: toInstant(nowMs) };
    const byPrincipal = [...principals].flatMap(([principal, events]): Anomaly | [] => {
      const reuses = events.filter(
        ({ atMs, reason }) => atMs >= fromMs && reasons.includes(reason ?? ""),
      );
      const [first] = reuses;
      if (!first) return [];
      for (const { clientId, reason, atMs } of reuses) {
        if (atMs < nowMs - JUST_NOW_MS) continue;
        const key = `${clientId} ${reason}`;
        explained.set(key, (explained.get(key) ?? 0) + 1);
      }
      const habits = summariseHabits(events.filter(({ atMs }) => atMs < first.atMs));
      const isNewNetwork = habits.events > 0 && isElsewhere(habits, first);
      const isNewAgent = hasNewAgent(habits, first);
      const isPrincipal = habits.events > 0 && !isNewNetwork && !isNewAgent;
      const stranger = isPrincipal ? strangerBefore(events, first) : undefined;
      // The principal's usual program, in a usual network, didn't receive the response and tried again.
      if (isPrincipal && !stranger) return [];
      const subject = toPrincipalSubject(principal);
      const points = (isNew: boolean, isNewProgram: boolean) =>
        REUSE_SCORES.base +
        (isNew ? REUSE_SCORES.newNetwork : 0) +
        (isNewProgram ? REUSE_SCORES.newAgent : 0);
      const [use] = stranger?.uses ?? [];
      const source = use ?? first;
      return {
        subject,
        clientId: first.clientId,
        involved: [
          ...strangeAddresses([source], stranger?.habits ?? habits),
          ...getSubjects("token", stranger?.tokenIds ?? []),
          ...getSubjects("client", [first.clientId]),
        ],
        message: `${subject.kind} ${subject.id}: ${first.reason} ${reuses.length} times within an hour${stranger ? "; a different party used the credential first," : ","} from ${formatLocation(source)} (${source.agent ?? "no user agent"}); the network or program is new to the ${subject.kind}`,
        score: stranger
          ? points(stranger.isNewNetwork, stranger.isNewAgent) +
            getNoveltyPoints(stranger.habits, source)
          : habits.events === 0
            ? REUSE_SCORES.unknownHabits
            : points(isNewNetwork, isNewAgent) + getNoveltyPoints(habits, first),
        observed: reuses.length,
        threshold: 1,
        ...window,
        evidence: {
          reason: first.reason,
          principal_came_second: stranger !== undefined,
          usual_networks: [...(stranger?.habits ?? habits).networks].slice(0, 10),
          ...toEnrichmentEvidence(stranger?.habits ?? habits, source),
        },
      };
    });
    const byClient = failedReasons.flatMap((each): Anomaly | [] => {
      const uses = countWithin(each, nowMs - JUST_NOW_MS, nowMs);
      const known = explained.get(`${each.clientId} ${each.value}`) ?? 0;
      if (!reasons.includes(each.value) || uses <= known) return [];
      const subject: AnomalySubject = { kind: "client", id: each.clientId };
      return {
        subject,
        message: `${each.clientId} was denied ${uses} times with ${each.value} within ten minutes; the usual number is 0`,
        score: REUSE_SCORES.client,
        observed: uses,
        threshold: 1,
        ...window,
        evidence: { reason: each.value },
      };
    });
    return [...byPrincipal, ...byClient];
  },
};
