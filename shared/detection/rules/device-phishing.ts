import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { MINUTE_MS, toInstant } from "../../core/clock.ts";
import type { Anomaly, AnomalyRule } from "./anomaly-rule.ts";
import { isElsewhere, newsPoints, originEvidence, placeText, usualPlaces } from "./origin-news.ts";
import { habitsOf } from "./party.ts";
import { isSensitive } from "./risk.ts";
import { holderSubject } from "./seen-event.ts";

const DEVICE_POINTS = {
  base: 45, // a device in a network that the user has never used
  sensitiveScopes: 15, // the token allows more than reading
  busy: 10, // the token is used at once, and often
};
/** Number of uses that makes a new token busy. */
const BUSY_USES = 10;

/**
 * Detects a device-code token that was requested from a network that the user has never used (RFC 8628, section 5.4).
 */
export const devicePhishing: AnomalyRule<AnomaliesConfig["rules"]["device_phishing"]> = {
  name: "device_phishing",
  catches: "a user who is tricked into entering another person's device code",
  falsePositives:
    "a television or a console in another location; a developer who signs in on a server",
  advice:
    "Call the user. If the device is not theirs, revoke the token and end the user's sessions.",
  examples: "all",
  find: ({ holders, nowMs }, { windowMinutes }) => {
    const fromMs = nowMs - windowMinutes * MINUTE_MS;
    return [...holders].flatMap(([holder, events]): Anomaly[] => {
      const given = events.filter(
        ({ type, atMs, isDevice }) => type === "token_issued" && isDevice && atMs >= fromMs,
      );
      const strange = given.filter((token) => {
        const habits = habitsOf(events.filter((each) => each.atMs < token.atMs));
        return habits.events > 0 && isElsewhere(habits, token);
      });
      const [first] = strange;
      if (!first) return [];
      const habits = habitsOf(events.filter(({ atMs }) => atMs < first.atMs));
      const subject = holderSubject(holder);
      const sensitive = first.scopes.filter(isSensitive);
      const busy = events.filter(
        ({ type, tokenId, atMs }) =>
          type === "token_used" && tokenId === first.tokenId && atMs >= first.atMs,
      ).length;
      return [
        {
          subject,
          clientId: first.clientId,
          involved: [
            ...(first.ip === undefined ? [] : [{ kind: "ip", id: first.ip } as const]),
            ...(first.tokenId === undefined ? [] : [{ kind: "token", id: first.tokenId } as const]),
          ],
          message: `${subject.id} entered a device code, and its token was fetched from ${placeText(first)} (${first.agent ?? "no user agent"}); usual: ${usualPlaces(habits)}`,
          score:
            DEVICE_POINTS.base +
            (sensitive.length > 0 ? DEVICE_POINTS.sensitiveScopes : 0) +
            (busy >= BUSY_USES ? DEVICE_POINTS.busy : 0) +
            newsPoints(habits, first),
          observed: strange.length,
          threshold: 1,
          windowStart: toInstant(fromMs),
          windowEnd: toInstant(nowMs),
          evidence: {
            usual_networks: [...habits.networks].slice(0, 10),
            sensitive_scopes: sensitive.slice(0, 10),
            uses: busy,
            ...originEvidence(habits, first),
          },
        },
      ];
    });
  },
};
