import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { HOUR_MS, toInstant } from "../../core/clock.ts";
import { isCredentialGuess } from "../../events/event-facts.ts";
import {
  type Anomaly,
  type AnomalyRule,
  type AnomalySubject,
  formatWindow,
  getSubjects,
} from "./anomaly-rule.ts";
import {
  describeNovelty,
  formatLocation,
  isElsewhere,
  toEnrichmentEvidence,
} from "./location-novelty.ts";
import {
  type Habits,
  hasNewAgent,
  isOtherFamily,
  strangeAddresses,
  summariseHabits,
} from "./party.ts";
import { isSuccess, type SeenEvent, toPrincipalSubject } from "./seen-event.ts";

/** Provider event codes for push prompts. */
const PROMPTS: ReadonlySet<string> = new Set(["system.push.send_factor_verify_push", "gd_send_pn"]);

const isPrompt = ({ code = "" }: SeenEvent) => PROMPTS.has(code);
const isDenied = ({ reason = "" }: SeenEvent) => reason.startsWith("mfa_");

const PROMPT_POINTS = {
  base: 30, // as many prompts as configured
  newNetwork: 25, // at least half of them from networks that are new to the user
  newAgent: 20, // the user agent is new to the user
  allowed: 25, // a sign-in from a new network followed
};

/** Detects repeated second-factor prompts, which suggest that someone knows the user's password. */
export const mfaFatigue: AnomalyRule<AnomaliesConfig["rules"]["mfa_fatigue"]> = {
  name: "mfa_fatigue",
  catches:
    "an attacker who knows a user's password and sends second-factor prompts until the user accepts one",
  falsePositives: "a user on a new network whose phone does not respond",
  advice:
    "Call the user. If it was not them, their password is compromised: reset it, and end their sessions.",
  examples: "all",
  find: ({ principals, nowMs }, { prompts: minPrompts }) => {
    const fromMs = nowMs - 2 * HOUR_MS;
    return [...principals].flatMap(([principal, events]): Anomaly | [] => {
      const prompted = events.filter(
        (each) => each.atMs >= fromMs && (isPrompt(each) || isDenied(each)),
      );
      const sent = prompted.filter(isPrompt).length;
      const denied = prompted.filter(isDenied).length;
      // A prompt and the user's denial are two events, and some providers report only one of them.
      const prompts = Math.max(sent, denied);
      const [first] = prompted;
      const last = prompted.at(-1);
      if (!first || !last || prompts < minPrompts) return [];
      const habits = summariseHabits(events.filter(({ atMs }) => atMs < first.atMs));
      const strange = prompted.filter(
        (each) => isElsewhere(habits, each) && !isOtherFamily(each, habits),
      );
      const isNewNetwork = habits.events > 0 && strange.length >= prompts / 2;
      const isNewAgent = hasNewAgent(habits, last);
      const allowed = events.find(
        (each) =>
          each.atMs > first.atMs &&
          each.atMs - last.atMs < HOUR_MS &&
          isSuccess(each) &&
          each.type !== "token_used" &&
          isElsewhere(habits, each),
      );
      const subject = toPrincipalSubject(principal);
      return {
        subject,
        clientId: first.clientId,
        involved: strangeAddresses(prompted, habits),
        message: `${subject.kind} ${subject.id} got ${prompts} second-factor prompts within two hours (${denied} denied), from ${formatLocation(last)} (${last.agent ?? "no user agent"})${allowed ? `, and then signed in from ${formatLocation(allowed)}` : ""}`,
        score:
          PROMPT_POINTS.base +
          (isNewNetwork ? PROMPT_POINTS.newNetwork : 0) +
          (isNewAgent ? PROMPT_POINTS.newAgent : 0) +
          (allowed && isNewNetwork ? PROMPT_POINTS.allowed : 0),
        observed: prompts,
        threshold: minPrompts,
        ...formatWindow(fromMs, nowMs),
        evidence: {
          prompts: sent,
          denied,
          allowed: allowed !== undefined,
          usual_networks: [...habits.networks].slice(0, 10),
          ...toEnrichmentEvidence(habits, last),
        },
      };
    });
  },
};

const isSecondFactor = ({ reason = "" }: SeenEvent) => reason.startsWith("mfa_");

const SUCCESS_SCORES = {
  newLocation: 80, // a sign-in from a new network or user agent after credential guesses
  unknownHabits: 55, // the same for a user without earlier events
  maybeHome: 35, // the user's own machine may have switched between IPv4 and IPv6
  sameAddress: 10, // points if the guesses came from the same address
  novelty: 5, // points if the country or the network type is new
  address: 90, // an address that guesses and is then allowed for the first time
};

interface Found {
  readonly subject: AnomalySubject;
  readonly failed: readonly SeenEvent[];
  readonly success: SeenEvent;
  readonly habits: Habits;
  readonly score: number;
  readonly message: string;
}

/** Finds users with credential guesses followed by a success from a new network or user agent. */
function findForUser(
  principal: string,
  events: readonly SeenEvent[],
  fromMs: number,
  limits: AnomaliesConfig["rules"]["success_after_failures"],
): Found | [] {
  const failed = events.filter(({ atMs, reason }) => atMs >= fromMs && isCredentialGuess(reason));
  const [first] = failed;
  const last = failed.at(-1);
  const factors = failed.filter(isSecondFactor).length;
  if (!first || !last || (failed.length < limits.failures && factors < limits.secondFactors)) {
    return [];
  }
  const habits = summariseHabits(events.filter(({ atMs }) => atMs < first.atMs));
  const guessers = new Set(failed.map(({ ip }) => ip));
  const success = events.find(
    (each) => each.atMs > first.atMs && isSuccess(each) && each.type !== "token_used",
  );
  if (!success || success.atMs - last.atMs > HOUR_MS) return [];
  const isNewAgent = hasNewAgent(habits, success);
  const isNew = isElsewhere(habits, success) || isNewAgent;
  // A user who forgot the password fails a few times and then succeeds from a usual network.
  if (habits.events > 0 && !isNew) return [];
  const isMaybeHome = !isNewAgent && isOtherFamily(success, habits);
  const tried = failed.filter(({ atMs }) => atMs < success.atMs).length;
  if (tried < Math.min(limits.failures, limits.secondFactors)) return [];
  const { id } = toPrincipalSubject(principal);
  return {
    subject: { kind: "user", id },
    failed,
    success,
    habits,
    score: isMaybeHome
      ? SUCCESS_SCORES.maybeHome
      : SUCCESS_SCORES[isNew ? "newLocation" : "unknownHabits"] +
        (guessers.has(success.ip) ? SUCCESS_SCORES.sameAddress : 0) +
        (isNew && describeNovelty(habits, success).length > 0 ? SUCCESS_SCORES.novelty : 0),
    message: `User ${id} signed in from ${formatLocation(success)} after ${tried} credential guesses (${factors} of them for the second factor); the user had never used this network or program before`,
  };
}

/** Finds an address that guesses credentials and is then allowed for the first time. */
function findForAddress(
  ip: string,
  events: readonly SeenEvent[],
  fromMs: number,
  { credentialGuesses }: AnomaliesConfig["rules"]["success_after_failures"],
): Found | [] {
  const failed = events.filter(({ atMs, reason }) => atMs >= fromMs && isCredentialGuess(reason));
  const [first] = failed;
  if (!first || failed.length < credentialGuesses) return [];
  const admitted = events.filter(isSuccess);
  const before = admitted.filter(({ atMs }) => atMs < first.atMs);
  const success = admitted.find(({ atMs }) => atMs > first.atMs);
  // If other principals were allowed from this address before, a success isn't suspicious.
  if (!success || before.length > 0) return [];
  if (failed.filter(({ atMs }) => atMs < success.atMs).length < credentialGuesses) return [];
  return {
    subject: { kind: "ip", id: ip },
    failed,
    success,
    habits: summariseHabits([]),
    score: SUCCESS_SCORES.address,
    message: `A call from ${formatLocation(success)} was allowed as ${success.userId ?? success.clientId ?? "an unknown principal"} after ${failed.length} credential guesses; no earlier call from there was allowed`,
  };
}

/** Detects an attack that appears to have succeeded. */
export const successAfterFailures: AnomalyRule<AnomaliesConfig["rules"]["success_after_failures"]> =
  {
    name: "success_after_failures",
    catches:
      "credential guesses that succeeded: a password was found, or the user confirmed a second factor in the end",
    falsePositives: "a user who forgot the password and signs in on a new device",
    advice: "Call the user. If it was not them, end their sessions and reset their credentials.",
    examples: "all",
    find: ({ principals, addresses, nowMs }, limits) => {
      const fromMs = nowMs - 2 * HOUR_MS;
      const found = [
        ...[...principals].flatMap(([principal, events]) =>
          principal.startsWith("user:") ? findForUser(principal, events, fromMs, limits) : [],
        ),
        ...[...addresses].flatMap(([ip, events]) => findForAddress(ip, events, fromMs, limits)),
      ];
      return found.map(({ subject, failed, success, habits, score, message }): Anomaly => {
        return {
          subject,
          clientId: success.clientId ?? failed[0]?.clientId,
          involved: [
            ...strangeAddresses([...failed.slice(-20), success], habits),
            ...getSubjects("user", [success.userId]),
            ...getSubjects("token", [success.tokenId]),
          ],
          message,
          score,
          observed: failed.length,
          threshold: subject.kind === "user" ? limits.failures : limits.credentialGuesses,
          ...formatWindow(fromMs, nowMs),
          evidence: {
            reasons: [...new Set(failed.map(({ reason }) => reason))],
            allowed_at: toInstant(success.atMs),
            allowed_with: success.agent,
            ...toEnrichmentEvidence(habits, success),
          },
        };
      });
    },
  };
