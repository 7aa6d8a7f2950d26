import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { HOUR_MS, MINUTE_MS, toInstant } from "../../core/clock.ts";
import { REFRESH_TOKEN_INVALID } from "../../events/event-facts.ts";
import { type Anomaly, type AnomalyRule, formatWindow, getSubjects } from "./anomaly-rule.ts";
import { countWithin, type DetectionSnapshot } from "./detection-snapshot.ts";
import {
  formatLocation,
  getNoveltyPoints,
  isElsewhere,
  toEnrichmentEvidence,
} from "./location-novelty.ts";
import { type Habits, hasNewAgent, strangeAddresses, summariseHabits } from "./party.ts";
import { isSuccess, type SeenEvent, toPrincipalSubject } from "./seen-event.ts";

/**
 * Minimum number of tokens revoked within a time span for a mass revocation. Programs don't notice a mass revocation,
 * wherever they run.
 */
const MASS = { tokens: 5, withinMs: 5 * MINUTE_MS };

const REVOKED_SCORES = {
  unknownHabits: 45, // a late use, if the principal has no earlier events
  newNetwork: 25, // points if the network is new to the principal
  newAgent: 30, // points if the user agent is new to the principal
  late: 25, // points for a use after the grace period
  lateAfterMass: 10, // the same after a mass revocation, when a program in a new network may simply have moved
};

/** Whether a token was revoked in a mass revocation, either of the client's tokens or of the denied tokens. */
function isOfMany(
  revoked: string,
  clientId: string | undefined,
  { revokedAt, typeCounts }: DetectionSnapshot,
): boolean {
  const atMs = Date.parse(revoked);
  const [fromMs, toMs] = [atMs - MASS.withinMs, atMs + MASS.withinMs];
  const denied = [...revokedAt.values()]
    .map((each) => Date.parse(each))
    .filter((each) => each >= fromMs && each <= toMs).length;
  const counted = typeCounts
    .filter((each) => each.clientId === clientId && each.value === "token_revoked")
    .reduce((sum, each) => sum + countWithin(each, fromMs, toMs), 0);
  return Math.max(denied, counted) >= MASS.tokens;
}

/** Detects that someone else uses a token after it was revoked. */
export const revokedToken: AnomalyRule<AnomaliesConfig["rules"]["revoked_token"]> = {
  name: "revoked_token",
  catches: "a revoked token that is used from a copy, by another party",
  falsePositives: "a client that does not notice revocations and has moved",
  advice: "Block the address. The token leaked: find the source of the leak.",
  examples: "failures",
  find: (snapshot, { graceMinutes }) => {
    const { principals, revokedAt, nowMs } = snapshot;
    const fromMs = nowMs - HOUR_MS;
    return [...principals].flatMap(([principal, events]): Anomaly | [] => {
      const uses = events.filter(
        ({ atMs, reason, tokenId }) =>
          atMs >= fromMs && reason === "revoked_token" && revokedAt.has(tokenId ?? ""),
      );
      const [first] = uses;
      if (!first?.tokenId) return [];
      const tokenId = first.tokenId;
      const revoked = revokedAt.get(tokenId) ?? "";
      const graceEndMs = Date.parse(revoked) + graceMinutes * MINUTE_MS;
      const late = uses.filter(({ atMs }) => atMs >= graceEndMs);
      const habits = summariseHabits(events.filter(({ atMs }) => atMs < first.atMs));
      const isStrange = (use: SeenEvent) => ({
        network: isElsewhere(habits, use),
        agent: hasNewAgent(habits, use),
      });
      const scored = uses.map((use) => {
        const strange = isStrange(use);
        const isLate = use.atMs >= graceEndMs;
        const points =
          (strange.network ? REVOKED_SCORES.newNetwork : 0) +
          (strange.agent ? REVOKED_SCORES.newAgent : 0) +
          getNoveltyPoints(habits, use);
        const isMass = !strange.agent && isOfMany(revoked, first.clientId, snapshot);
        const lateness = REVOKED_SCORES[isMass ? "lateAfterMass" : "late"];
        if (habits.events === 0) {
          return { use, score: isLate ? REVOKED_SCORES.unknownHabits : 0 };
        }
        // A client that retries from its usual network just hasn't noticed the revocation.
        return { use, score: points === 0 ? 0 : points + (isLate ? lateness : 0) };
      });
      const [worst] = scored.sort((a, b) => b.score - a.score);
      if (!worst || worst.score === 0) return [];
      const subject = toPrincipalSubject(principal);
      return {
        subject: { kind: "token", id: tokenId } as const,
        clientId: first.clientId,
        involved: [
          ...(subject.kind === "user" ? [subject] : []),
          ...strangeAddresses(uses, habits),
        ],
        message: `Token ${tokenId} was used ${uses.length} times after it was revoked at ${revoked}, from ${formatLocation(worst.use)} (${worst.use.agent ?? "no user agent"}); the network or program is new to its principal`,
        score: worst.score,
        observed: uses.length,
        threshold: 1,
        ...formatWindow(fromMs, nowMs),
        evidence: {
          revoked_at: revoked,
          after_grace: late.length,
          usual_networks: [...habits.networks].slice(0, 10),
          ...toEnrichmentEvidence(habits, worst.use),
        },
      };
    });
  },
};

/** Provider event codes of a password change. */
const PASSWORD_CHANGES: ReadonlySet<string> = new Set([
  "scp",
  "user.account.update_password",
  "user.account.reset_password",
  "UPDATE_PASSWORD",
  "RESET_PASSWORD",
  "ChangePassword",
  "ConfirmForgotPassword",
  "AdminSetUserPassword",
  "Change user password",
  "Change password (self-service)",
  "Reset user password",
]);

/** An event that ended a principal's access. */
interface End {
  readonly atMs: number;
  readonly what: string;
  /** The token or session that ended. If both are undefined, all of the principal's access ended. */
  readonly tokenId?: string | undefined;
  readonly sessionId?: string | undefined;
  /** Whether providers may let tokens stay valid after this event. */
  readonly isWeak: boolean;
}

function findEnds(events: readonly SeenEvent[]): End[] {
  return events.flatMap((event): End[] => {
    const { atMs, type, tokenId, sessionId, code = "" } = event;
    if (type === "session_ended") {
      return [{ atMs, what: "the session ended", sessionId, isWeak: sessionId === undefined }];
    }
    if (type === "token_revoked") {
      const isWeak = tokenId === undefined;
      return [{ atMs, what: "the token was revoked", tokenId, isWeak }];
    }
    if (type === "access_revoked") {
      return [{ atMs, what: "the access was revoked", sessionId, isWeak: sessionId === undefined }];
    }
    if (!PASSWORD_CHANGES.has(code)) return [];
    return [{ atMs, what: "the password was changed", isWeak: true }];
  });
}

const isDeniedRefresh = ({ reason }: SeenEvent) => reason === REFRESH_TOKEN_INVALID;

/** Whether an event uses the access that ended. */
function usesEndedAccess(event: SeenEvent, end: End, before: readonly SeenEvent[]): boolean {
  // Logs don't identify refresh tokens, so a denied refresh is attributed to the most recent end of access.
  if (isDeniedRefresh(event)) return true;
  if (end.tokenId !== undefined) return event.tokenId === end.tokenId;
  if (end.sessionId !== undefined) return event.sessionId === end.sessionId;
  return before.some(
    ({ tokenId, sessionId }) =>
      (tokenId !== undefined && tokenId === event.tokenId) ||
      (sessionId !== undefined && sessionId === event.sessionId),
  );
}

const ENDED_POINTS = {
  newNetwork: 25, // the network is new to the principal
  newAgent: 30, // the user agent is new to the principal
  sure: 20, // a new user agent uses access that has certainly ended
  unsure: 10, // users change networks, and some providers let tokens outlive a session
};

/** Scores a use after the end of access by how much it differs from the principal's habits. */
function computeScore(event: SeenEvent, end: End, habits: Habits): number {
  const isNewNetwork = isElsewhere(habits, event);
  const isNewAgent = hasNewAgent(habits, event);
  const points =
    (isNewNetwork ? ENDED_POINTS.newNetwork : 0) +
    (isNewAgent ? ENDED_POINTS.newAgent : 0) +
    getNoveltyPoints(habits, event);
  // A usual program in a usual network just hasn't noticed that the access ended.
  if (points === 0) return 0;
  const isSure = isNewAgent && (isDeniedRefresh(event) || !end.isWeak);
  return points + ENDED_POINTS[isSure ? "sure" : "unsure"];
}

/** Detects access that is still used after the user or an administrator ended it. */
export const endedAccess: AnomalyRule<AnomaliesConfig["rules"]["ended_access"]> = {
  name: "ended_access",
  catches:
    "a session, token or refresh token that is used, or tried, after a sign-out, revocation or password change, from a network or program that is new to its principal",
  falsePositives:
    "an app that keeps calling after its user signed out, with a program that is new to the user",
  advice:
    "End all sessions of the user and revoke the tokens, because the sign-out did not reach them. Block the address.",
  examples: "all",
  find: ({ principals, nowMs }, { graceMinutes }) => {
    const fromMs = nowMs - 2 * HOUR_MS;
    return [...principals].flatMap(([principal, events]): Anomaly | [] => {
      const ends = findEnds(events).map((end) => {
        const before = events.filter(({ atMs }) => atMs < end.atMs);
        return { end, before, habits: summariseHabits(before) };
      });
      const found = events.flatMap((event) => {
        if (event.atMs < fromMs || !(isSuccess(event) || isDeniedRefresh(event))) return [];
        const last = ends.findLast(
          ({ end, before, habits }) =>
            event.atMs >= end.atMs + graceMinutes * MINUTE_MS &&
            habits.events > 0 &&
            usesEndedAccess(event, end, before),
        );
        if (!last) return [];
        const score = computeScore(event, last.end, last.habits);
        return score === 0 ? [] : [{ event, score, ...last }];
      });
      const [worst] = found.toSorted((a, b) => b.score - a.score);
      if (!worst) return [];
      const { event, end, habits, score } = worst;
      const subject = toPrincipalSubject(principal);
      const denied = found.filter((each) => isDeniedRefresh(each.event)).length;
      const tokens = new Set(found.flatMap((each) => each.event.tokenId ?? []));
      return {
        subject,
        clientId: event.clientId,
        involved: [
          ...strangeAddresses(
            found.map((each) => each.event),
            habits,
          ),
          ...getSubjects("token", tokens),
        ],
        message: `${found.length} calls (${denied} denied) used the access of ${subject.kind} ${subject.id} after ${end.what} at ${toInstant(end.atMs)}, from ${formatLocation(event)} (${event.agent ?? "no user agent"}); the network or program is new to the ${subject.kind}`,
        score,
        observed: found.length,
        threshold: 1,
        ...formatWindow(fromMs, nowMs),
        evidence: {
          ended_at: toInstant(end.atMs),
          ended_by: end.what,
          denied,
          usual_networks: [...habits.networks].slice(0, 10),
          usual_user_agents: [...habits.agents].slice(0, 10),
          ...toEnrichmentEvidence(habits, event),
        },
      };
    });
  },
};
