import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { HOUR_MS, toInstant } from "../../core/clock.ts";
import type { Anomaly, AnomalyRule } from "./anomaly-rule.ts";
import { isElsewhere, originEvidence, placeText } from "./origin-news.ts";
import { habitsOf, hasNewAgent, isOtherFamily, strangeAddresses } from "./party.ts";
import { holderSubject, isSuccess, type SeenEvent } from "./seen-event.ts";

/** Provider event codes for push prompts. */
const PROMPTS: ReadonlySet<string> = new Set(["system.push.send_factor_verify_push", "gd_send_pn"]);

const isPrompt = ({ code = "" }: SeenEvent) => PROMPTS.has(code);
const isRefused = ({ reason = "" }: SeenEvent) => reason.startsWith("mfa_");

const PROMPT_POINTS = {
  base: 30, // as many prompts as configured
  newNetwork: 25, // at least half of them from networks that are new to the user
  newAgent: 20, // the user agent is new to the user
  letIn: 25, // a sign-in from a new network followed
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
  find: ({ holders, nowMs }, { prompts: least }) => {
    const fromMs = nowMs - 2 * HOUR_MS;
    return [...holders].flatMap(([holder, events]): Anomaly[] => {
      const asked = events.filter(
        (each) => each.atMs >= fromMs && (isPrompt(each) || isRefused(each)),
      );
      const sent = asked.filter(isPrompt).length;
      const refused = asked.filter(isRefused).length;
      // A prompt and the user's refusal are two events, and some providers report only one of them.
      const prompts = Math.max(sent, refused);
      const [first] = asked;
      const last = asked.at(-1);
      if (!first || !last || prompts < least) return [];
      const habits = habitsOf(events.filter(({ atMs }) => atMs < first.atMs));
      const strange = asked.filter(
        (each) => isElsewhere(habits, each) && !isOtherFamily(each, habits),
      );
      const isNewNetwork = habits.events > 0 && strange.length >= prompts / 2;
      const isNewAgent = hasNewAgent(habits, last);
      const letIn = events.find(
        (each) =>
          each.atMs > first.atMs &&
          each.atMs - last.atMs < HOUR_MS &&
          isSuccess(each) &&
          each.type !== "token_used" &&
          isElsewhere(habits, each),
      );
      const subject = holderSubject(holder);
      return [
        {
          subject,
          clientId: first.clientId,
          involved: strangeAddresses(asked, habits),
          message: `${subject.kind} ${subject.id} got ${prompts} second-factor prompts within two hours (${refused} denied), from ${placeText(last)} (${last.agent ?? "no user agent"})${letIn ? `, and then signed in from ${placeText(letIn)}` : ""}`,
          score:
            PROMPT_POINTS.base +
            (isNewNetwork ? PROMPT_POINTS.newNetwork : 0) +
            (isNewAgent ? PROMPT_POINTS.newAgent : 0) +
            (letIn && isNewNetwork ? PROMPT_POINTS.letIn : 0),
          observed: prompts,
          threshold: least,
          windowStart: toInstant(fromMs),
          windowEnd: toInstant(nowMs),
          evidence: {
            prompts: sent,
            refused,
            let_in: letIn !== undefined,
            usual_networks: [...habits.networks].slice(0, 10),
            ...originEvidence(habits, last),
          },
        },
      ];
    });
  },
};
