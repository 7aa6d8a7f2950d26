import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import { HOUR_MS, MINUTE_MS, toInstant } from "../time/clock.ts";
import type { Anomaly, AnomalyRule, AnomalySubject } from "./anomaly-rule.ts";
import { countWithin } from "./detection-snapshot.ts";
import { isElsewhere, newsPoints, originEvidence, placeText } from "./origin-news.ts";
import { habitsOf } from "./party.ts";
import { holderSubject } from "./seen-event.ts";

/** Holders are looked at for about so long after their refusal. */
const JUST_NOW_MS = 10 * MINUTE_MS;

/** A one-time credential that is presented twice (RFC 6749, section 4.1.2; RFC 9700, section 4.14). */
export const credentialReuse: AnomalyRule<AnomaliesConfig["rules"]["credential_reuse"]> = {
  name: "credential_reuse",
  catches: "two parties that hold the same authorization code or rotated refresh token",
  falsePositives: "a client without users that repeats a token request because the answer was lost",
  advice: "Revoke the tokens that were issued for the credential, as RFC 6749 requires.",
  examples: "failures",
  find: ({ failedReasons, holders, nowMs }, { reasons }) => {
    const fromMs = nowMs - HOUR_MS;
    const explained = new Map<string, number>();
    const window = { windowStart: toInstant(fromMs), windowEnd: toInstant(nowMs) };
    const byHolder = [...holders].flatMap(([holder, events]): Anomaly[] => {
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
      const habits = habitsOf(events.filter(({ atMs }) => atMs < first.atMs));
      const isNewNetwork = habits.events > 0 && isElsewhere(habits, first);
      const isNewAgent =
        first.agent !== undefined && habits.agents.size > 0 && !habits.agents.has(first.agent);
      // The same program from the same place lost an answer, and asked again.
      if (habits.events > 0 && !isNewNetwork && !isNewAgent) return [];
      const subject = holderSubject(holder);
      return [
        {
          subject,
          clientId: first.clientId,
          involved: [
            ...(first.ip === undefined ? [] : [{ kind: "ip", id: first.ip } as const]),
            ...(first.clientId === undefined
              ? []
              : [{ kind: "client", id: first.clientId } as const]),
          ],
          message: `${subject.kind} ${subject.id}: ${first.reason} ${reuses.length} times within an hour, from ${placeText(first)} (${first.agent ?? "no user agent"}), where its holder never was`,
          score:
            habits.events === 0
              ? 50
              : 60 + (isNewNetwork ? 10 : 0) + (isNewAgent ? 20 : 0) + newsPoints(habits, first),
          observed: reuses.length,
          threshold: 1,
          ...window,
          evidence: {
            reason: first.reason,
            usual_networks: [...habits.networks].slice(0, 10),
            ...originEvidence(habits, first),
          },
        },
      ];
    });
    const byClient = failedReasons.flatMap((each): Anomaly[] => {
      const uses = countWithin(each, nowMs - JUST_NOW_MS, nowMs);
      const known = explained.get(`${each.clientId} ${each.value}`) ?? 0;
      if (!reasons.includes(each.value) || uses <= known) return [];
      const subject: AnomalySubject = { kind: "client", id: each.clientId };
      return [
        {
          subject,
          message: `${each.clientId} had ${uses} refusals with ${each.value} within ten minutes; none is usual`,
          score: 50,
          observed: uses,
          threshold: 1,
          ...window,
          evidence: { reason: each.value },
        },
      ];
    });
    return [...byHolder, ...byClient];
  },
};
