import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { DAY_MS, HOUR_MS, toInstant } from "../../core/clock.ts";
import { type Anomaly, type AnomalyRule, formatWindow, getSubjects } from "./anomaly-rule.ts";
import { isSuccess, type SeenEvent, toPrincipalSubject } from "./seen-event.ts";

/** Minimum age of events that count towards habits. One night of activity isn't a habit. */
const HABIT_AFTER_MS = 12 * HOUR_MS;

const toDay = (atMs: number) => Math.floor(atMs / DAY_MS);
const toHour = (atMs: number) => new Date(atMs).getUTCHours();
const isWeekend = (atMs: number) => [0, 6].includes(new Date(atMs).getUTCDay());

/** The hours at which a principal is active on weekdays or weekends, and the number of such days. */
export interface ActiveHours {
  readonly kind: "weekdays" | "weekends";
  /** Hours of the day, UTC, in ascending order. */
  readonly hours: readonly number[];
  readonly days: number;
  readonly events: number;
  /** The longest part of the day without activity: the hour at which it starts, and its length in hours. */
  readonly quietFrom: number;
  readonly quietHours: number;
}

/** Returns the longest gap between two active hours, which may span midnight. */
function longestQuiet(hours: readonly number[]): Pick<ActiveHours, "quietFrom" | "quietHours"> {
  const gaps = hours.map((hour, n) => {
    const next = hours[n + 1] ?? (hours[0] ?? 0) + 24;
    return { quietFrom: (hour + 1) % 24, quietHours: next - hour - 1 };
  });
  const [longest] = gaps.sort((a, b) => b.quietHours - a.quietHours);
  return longest ?? { quietFrom: 0, quietHours: 0 };
}

/** Returns the hours at which a principal is active on the same kind of day as `nowMs`: weekdays or weekends. */
export function activeHours(events: readonly SeenEvent[], nowMs: number): ActiveHours {
  const weekend = isWeekend(nowMs);
  const usual = events.filter(
    (event) =>
      event.atMs < nowMs - HABIT_AFTER_MS && isSuccess(event) && isWeekend(event.atMs) === weekend,
  );
  const hours = [...new Set(usual.map(({ atMs }) => toHour(atMs)))].sort((a, b) => a - b);
  return {
    kind: weekend ? "weekends" : "weekdays",
    hours,
    days: new Set(usual.map(({ atMs }) => toDay(atMs))).size,
    events: usual.length,
    ...longestQuiet(hours),
  };
}

/**
 * Whether an instant is in the principal's longest quiet period, not counting the first and last hour. Shorter quiet
 * periods are chance. The longest one is the night.
 *
 * @param minQuietHours minimum length in hours of a quiet period that counts as night
 */
export function isUnusualHour(
  { quietFrom, quietHours }: ActiveHours,
  atMs: number,
  minQuietHours: number,
): boolean {
  const inside = (toHour(atMs) - quietFrom + 24) % 24;
  return quietHours >= minQuietHours && inside >= 1 && inside < quietHours - 1;
}

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
  find: ({ principals, nowMs }, { days: minDays, quietHours }) => {
    const fromMs = nowMs - 2 * HOUR_MS;
    return [...principals].flatMap(([principal, events]): Anomaly | [] => {
      const principalSubject = toPrincipalSubject(principal);
      // A candidate may be a dormant token that belongs to a user.
      const id = principalSubject.kind === "user" ? principalSubject.id : events.at(-1)?.userId;
      if (id === undefined) return [];
      const usual = activeHours(events, nowMs);
      if (usual.days < minDays || usual.events < LEAST_EVENTS) return [];
      const strange = events.filter(
        (event) =>
          event.atMs >= fromMs && isSuccess(event) && isUnusualHour(usual, event.atMs, quietHours),
      );
      const [first] = strange;
      if (!first) return [];
      const tokens = new Set(strange.flatMap(({ tokenId }) => tokenId ?? []));
      return {
        subject: { kind: "user", id },
        clientId: first.clientId,
        involved: getSubjects("token", tokens),
        message: `${id} had ${strange.length} events from ${toInstant(first.atMs).slice(11, 16)} UTC; on ${usual.days} earlier ${usual.kind}, the user was never active from ${atHour(usual.quietFrom)} to ${atHour((usual.quietFrom + usual.quietHours) % 24)}`,
        score: UNUSUAL_HOURS_SCORE,
        observed: strange.length,
        threshold: 1,
        ...formatWindow(fromMs, nowMs),
        evidence: {
          usual_hours_utc: usual.hours.map(atHour),
          known_days: usual.days,
          of: usual.kind,
        },
      };
    });
  },
};
