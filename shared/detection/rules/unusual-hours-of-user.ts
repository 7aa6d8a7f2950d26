import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { HOUR_MS, toInstant } from "../../core/clock.ts";
import type { Anomaly, AnomalyRule } from "./anomaly-rule.ts";
import { activeHours, isUnusualHour } from "./hours-of-day.ts";
import { holderSubject, isSuccess } from "./seen-event.ts";

const atHour = (hour: number) => `${String(hour).padStart(2, "0")}:00`;

/** Minimum number of a user's events. With fewer events, most empty hours are chance. */
const LEAST_EVENTS = 20;

/** Low, because the rule only supports other rules' findings. */
const UNUSUAL_HOURS_SCORE = 20;

/** Detects a user who is active at an hour of the day when this user has never been active before. */
export const unusualHoursOfUser: AnomalyRule<AnomaliesConfig["rules"]["unusual_hours"]> = {
  name: "unusual_hours",
  catches:
    "a user who is active at a time of day when that user never was before; weekdays and weekends are compared separately",
  falsePositives: "a user who works late once, or is in another time zone",
  advice: "Ask the user whether that was them.",
  examples: "all",
  isSupport: true,
  find: ({ holders, nowMs }, { days: least, quietHours }) => {
    const fromMs = nowMs - 2 * HOUR_MS;
    return [...holders].flatMap(([holder, events]): Anomaly[] => {
      const of = holderSubject(holder);
      // A candidate may be a dormant token that belongs to a user.
      const id = of.kind === "user" ? of.id : events.at(-1)?.userId;
      if (id === undefined) return [];
      const usual = activeHours(events, nowMs);
      if (usual.days < least || usual.events < LEAST_EVENTS) return [];
      const strange = events.filter(
        (event) =>
          event.atMs >= fromMs && isSuccess(event) && isUnusualHour(usual, event.atMs, quietHours),
      );
      const [first] = strange;
      if (!first) return [];
      const tokens = new Set(strange.flatMap(({ tokenId }) => tokenId ?? []));
      return [
        {
          subject: { kind: "user", id },
          clientId: first.clientId,
          involved: [...tokens].map((token) => ({ kind: "token", id: token }) as const),
          message: `${id} had ${strange.length} events from ${toInstant(first.atMs).slice(11, 16)} UTC; on ${usual.days} earlier ${usual.kind}, the user was never active from ${atHour(usual.quietFrom)} to ${atHour((usual.quietFrom + usual.quietHours) % 24)}`,
          score: UNUSUAL_HOURS_SCORE,
          observed: strange.length,
          threshold: 1,
          windowStart: toInstant(fromMs),
          windowEnd: toInstant(nowMs),
          evidence: {
            usual_hours_utc: usual.hours.map(atHour),
            days_known: usual.days,
            of: usual.kind,
          },
        },
      ];
    });
  },
};
